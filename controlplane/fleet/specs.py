"""The specs of deployments, read once for all who need them."""

from controlplane.fleet.parsed import Parsed
from controlplane.store.store import Record
from homeport.schema.deployment import DeploymentSpec


class DeploymentSpecs(Parsed[DeploymentSpec]):
    def __init__(self) -> None:
        super().__init__(_spec_of)


def _spec_of(record: Record) -> DeploymentSpec:
    return DeploymentSpec.model_validate(record.spec)

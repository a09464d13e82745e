"""The specs of deployments, read once for all who need them."""

from collections.abc import Sequence

from controlplane.fleet.parsed import Parsed
from controlplane.store.store import Record
from homeport.schema.deployment import DeploymentSpec


class DeploymentSpecs(Parsed[DeploymentSpec]):
    def __init__(self) -> None:
        super().__init__(_spec_of)
        # The same as the scheduler, gateways and agents need it.
        self.policies = Parsed(lambda deployment: self.of(deployment).policy())

    def forget_gone(self, records: Sequence[Record]) -> None:
        super().forget_gone(records)
        self.policies.forget_gone(records)


def _spec_of(record: Record) -> DeploymentSpec:
    return DeploymentSpec.model_validate(record.spec)

from controlplane.api.collection import Collection, CollectionRoutes
from controlplane.api.queries import InstanceTypeQuery
from controlplane.fleet.instance_types import must_be_own
from controlplane.fleet.kinds import INSTANCE_TYPE
from controlplane.store.store import Transaction
from homeport.schema.edited import EditedInstanceType
from homeport.schema.resources import InstanceType

INSTANCE_TYPES = Collection(
    INSTANCE_TYPE,
    "instance-types",
    "/instance-types",
    "/instance-types/{instance_type}",
    InstanceTypeQuery,
    InstanceType,
    EditedInstanceType,
)


class InstanceTypes(CollectionRoutes):
    """The catalogue, one's own, and the shapes of enrolled hosts, of which only one's own can be written."""

    def check_writable(self, tx: Transaction, key: str, what: str) -> None:
        must_be_own(tx, key, what)

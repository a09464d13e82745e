from controlplane.api.collection import Collection
from controlplane.api.queries import NodepoolQuery
from controlplane.fleet.kinds import NODEPOOL
from homeport.schema.edited import EditedNodepool
from homeport.schema.resources import Nodepool

NODEPOOLS = Collection(
    NODEPOOL,
    "nodepools",
    "/nodepools",
    "/nodepools/{cluster}/{nodepool}",
    NodepoolQuery,
    Nodepool,
    EditedNodepool,
)

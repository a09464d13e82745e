"""From a nodepool's id to CLUSTER/NODEPOOL, for people who have only one of that id."""

from homeport.client.collection import Collection
from homeport.core.errors import ErrorCode, HomeportError
from homeport.core.names import did_you_mean


async def find_nodepool(nodepools: Collection, nodepool: str) -> str:
    """Raises NOT_FOUND, or INVALID_ARGUMENT when several clusters have one of this id."""
    if "/" in nodepool:
        return nodepool
    known = [found.id async for found in nodepools.each()]
    fitting = [key for key in known if key.split("/")[1] == nodepool]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        raise HomeportError(
            ErrorCode.INVALID_ARGUMENT,
            f"several clusters have a nodepool {nodepool}",
            hint=f"say which: {', '.join(fitting)}",
        )
    hint = did_you_mean(nodepool, (key.split("/")[1] for key in known), "`homeport nodepool list` shows which exist")
    raise HomeportError(ErrorCode.NOT_FOUND, f"there is no nodepool {nodepool}", hint=hint)

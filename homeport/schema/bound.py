"""How many replicas may run: agents act on what they heard last, heard or not."""

from pydantic import BaseModel, ConfigDict


class _Answer(BaseModel):
    model_config = ConfigDict(extra="ignore", use_attribute_docstrings=True)


class NodeShare(_Answer):
    node_id: str
    node_name: str
    replicas: int


class Bound(_Answer):
    replicas: int
    """`max_replicas`, and what nodes that are away may run."""
    away: list[NodeShare]
    """Nodes that are lost to the deployment and may go on running so many of it."""
    unacked: list[NodeShare]
    """Nodes that were given less and have not acknowledged it yet: until then they may run so many."""
    withheld: int
    """Replicas that other nodes get once those have."""

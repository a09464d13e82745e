"""Which instance types the enrolled hosts are of."""

from collections import defaultdict

from homeport.schema.instance_type import InstanceTypeSpec


class NodeShapes:
    def __init__(self) -> None:
        self._of_node: dict[str, InstanceTypeSpec] = {}
        self._nodes: defaultdict[str, dict[str, InstanceTypeSpec]] = defaultdict(dict)

    def set(self, node_id: str, shape: InstanceTypeSpec | None) -> set[str]:
        """The ids of the types that have one node more or less now. None = it has said nothing of itself."""
        old = self._of_node.get(node_id)
        if old == shape:
            return set()
        if old is not None:
            del self._of_node[node_id]
            del self._nodes[old.id][node_id]
        if shape is not None:
            self._of_node[node_id] = self._nodes[shape.id][node_id] = shape
        return {each.id for each in (old, shape) if each is not None}

    def get(self, id: str) -> tuple[InstanceTypeSpec, int] | None:
        """The shape, and how many nodes have it."""
        nodes = self._nodes.get(id)
        return (next(iter(nodes.values())), len(nodes)) if nodes else None

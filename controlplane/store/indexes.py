"""What each index finds objects by."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from controlplane.store.store import Index, Kind, Record


class Definition(NamedTuple):
    """`key`: the id of the object that a record of this kind is found by; empty when it names none."""

    kind: Kind
    key: Callable[[Record], str]


def _named_by(*path: str) -> Callable[[Record], str]:
    """The text at this place of the spec."""

    def read(record: Record) -> str:
        value: Any = record.spec
        for name in path:
            value = value.get(name) if isinstance(value, dict) else None
        return value if isinstance(value, str) else ""

    return read


DEFINITIONS: Mapping[Index, Definition] = {
    Index.VERSIONS_OF_MODEL: Definition(Kind.MODEL_VERSION, _named_by("model", "id")),
    Index.DEPLOYMENTS_OF_MODEL: Definition(Kind.DEPLOYMENT, _named_by("worker", "model", "id")),
    Index.REVISIONS_OF_DEPLOYMENT: Definition(Kind.REVISION, lambda revision: revision.id.rpartition("/")[0]),
    Index.PLACEMENTS_OF_DEPLOYMENT: Definition(Kind.PLACEMENT, _named_by("deployment_id")),
    Index.PLACEMENTS_ON_NODE: Definition(Kind.PLACEMENT, _named_by("node_id")),
}

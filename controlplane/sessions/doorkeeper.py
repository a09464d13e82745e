"""Whether an agent may speak, asked when it comes and at each of its messages; and how it is told no."""

from collections.abc import Callable
from typing import Any

import grpc
from homeport_proto.v1 import session_pb2 as pb

from controlplane.fleet.node_access import access_of
from controlplane.store.store import Kind, Record, Store
from homeport.core.node_identity import EXPLANATIONS, NodeAccess, Refusal, Shown, refusal, refusal_of_open

# To those that are one too many at a time.
BUSY = "many nodes ask for certificates at once; ask again later"
_RETRY_SECONDS = {Refusal.SUPERSEDED: 30.0, Refusal.EXPIRED: 0.0, Refusal.CLONE: 900.0, Refusal.MUST_REENROL: 900.0}


class Doorkeeper:
    """`wall` gives unix seconds. It reads the store's memory only."""

    def __init__(self, store: Store, wall: Callable[[], float]) -> None:
        self._store = store
        self._wall = wall
        # Of the record that it was read from: reading one takes longer than all else that a heartbeat costs.
        self._known: dict[str, tuple[Record, NodeAccess | None]] = {}

    def refusal(self, shown: Shown | None) -> Refusal | None:
        """Of a peer that opens something."""
        if shown is None:
            return Refusal.NOT_ENROLLED
        return refusal(self._access(shown.node_id), shown, self._wall())

    def refusal_of_open(self, shown: Shown) -> Refusal | None:
        """Of a message on something that is open."""
        return refusal_of_open(self._access(shown.node_id), shown, self._wall())

    def _access(self, node_id: str) -> NodeAccess | None:
        node = self._store.get(Kind.NODE, node_id)
        if node is None:
            self._known.pop(node_id, None)
            return None
        known = self._known.get(node_id)
        if known is None or known[0] is not node:
            known = self._known[node_id] = node, access_of(node)
        return known[1]

    def stops_models(self, shown: Shown | None) -> bool:
        """Whether the lock of this node asks for that, too."""
        node = self._store.get(Kind.NODE, shown.node_id) if shown is not None else None
        return node is not None and bool(node.spec.get("lock", {}).get("stop_models"))


def goodbye_of(refused: Refusal, stop_models: bool = False) -> pb.ControlMessage:
    message = goodbye(refused, EXPLANATIONS[refused], _RETRY_SECONDS.get(refused, 5.0))
    message.goodbye.stop_models = stop_models and refused is Refusal.LOCKED
    return message


def goodbye(reason: str, message: str, retry_after_seconds: float = 5.0) -> pb.ControlMessage:
    return pb.ControlMessage(
        goodbye=pb.Goodbye(reason=reason, message=message, retry_after_seconds=retry_after_seconds)
    )


async def refuse(context: Any, refused: Refusal) -> None:
    """Ends a call that has no Goodbye. Raises."""
    await context.abort(grpc.StatusCode.PERMISSION_DENIED, f"{refused}: {EXPLANATIONS[refused]}")

"""How one node stands, from what was heard of it: quick to fall, slower to rise the more often it fell."""

from dataclasses import dataclass, replace

from homeport.core.status import NodeStatus

_KEPT_FALLS = 20
_GIVEN_UP = "silent for so long that its replicas are placed elsewhere"


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds. The first three are silence, and the limit itself still counts as in time."""

    suspect: float = 5.0
    disconnected: float = 15.0
    lost: float = 60.0
    # A node that fell twice within `memory` must hold for `steady` before it is ready; each further fall doubles that.
    steady: float = 4.0
    steadiest: float = 30.0
    memory: float = 300.0

    def hold(self, falls: int) -> float:
        """How long a node that fell so often must be heard without a break. A single fall costs nothing."""
        return 0.0 if falls < 2 else float(min(self.steadiest, self.steady * 2 ** min(falls - 2, 16)))


@dataclass(frozen=True, slots=True)
class Signs:
    """`heard_at`: the last sign of life. `connected`: a session stream is open. `unseen`: nothing was heard since the
    control plane started."""

    heard_at: float
    connected: bool
    unseen: bool = False


@dataclass(frozen=True, slots=True)
class Standing:
    """`since` is when the status began. `reason` is empty for a ready node."""

    status: NodeStatus
    since: float
    reason: str = ""
    # When it last ceased to be heard: the times within Limits.memory.
    falls: tuple[float, ...] = ()
    # Heard without a break since then; None while it is silent.
    steady_since: float | None = None


def stand(before: Standing | None, signs: Signs, now: float, limits: Limits, may_lose: bool = True) -> Standing:
    """The standing now. `before` is None for a node that is judged for the first time.

    Without `may_lose` nobody becomes lost by silence; who was lost before stays so until it is heard.
    """
    fallen = _fallen(before, signs, now, limits, may_lose)
    if fallen is None:
        return _risen(before, now, limits)
    status, reason = fallen
    if before is None:
        return Standing(status, now, reason)
    falls = before.falls
    if before.status is NodeStatus.READY or before.steady_since is not None:
        falls = (*_recent(falls, now, limits), now)[-_KEPT_FALLS:]
    since = before.since if before.status is status else now
    return Standing(status, since, reason, falls)


def _fallen(
    before: Standing | None, signs: Signs, now: float, limits: Limits, may_lose: bool
) -> tuple[NodeStatus, str] | None:
    """None = it is heard."""
    silent = now - signs.heard_at
    if silent > limits.lost:
        if may_lose or (before is not None and before.status is NodeStatus.LOST):
            return NodeStatus.LOST, _GIVEN_UP
        return NodeStatus.DISCONNECTED, "silent; not given up, since many nodes vanished at once"
    if before is not None and before.status is NodeStatus.LOST and not signs.connected:
        return NodeStatus.LOST, _GIVEN_UP
    if silent > limits.disconnected:
        return NodeStatus.DISCONNECTED, "no heartbeat; it keeps running what it has"
    if signs.unseen:
        return NodeStatus.SUSPECT, "not heard of since the control plane started"
    if not signs.connected:
        return NodeStatus.SUSPECT, "its connection is closed"
    if silent > limits.suspect:
        return NodeStatus.SUSPECT, "no heartbeat lately"
    return None


def _risen(before: Standing | None, now: float, limits: Limits) -> Standing:
    if before is None:
        return Standing(NodeStatus.READY, now)
    if before.status is NodeStatus.READY:
        return before
    steady_since = now if before.steady_since is None else before.steady_since
    falls = _recent(before.falls, now, limits)
    hold = limits.hold(len(falls))
    if now - steady_since >= hold:
        return Standing(NodeStatus.READY, now, falls=falls)
    reason = f"back, but it fell {len(falls)} times in {limits.memory / 60:g} minutes: it must hold for {hold:g} s"
    if before.status is NodeStatus.SUSPECT:
        return replace(before, reason=reason, steady_since=steady_since)
    return Standing(NodeStatus.SUSPECT, now, reason, before.falls, steady_since)


def _recent(falls: tuple[float, ...], now: float, limits: Limits) -> tuple[float, ...]:
    return tuple(at for at in falls if now - at < limits.memory)

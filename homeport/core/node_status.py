"""When a silent node is suspect, disconnected, lost. One rule, with hysteresis, for list, detail and routing."""

from dataclasses import dataclass

from homeport.core.status import NodeStatus


@dataclass(frozen=True, slots=True)
class SilenceLimits:
    """Seconds without a heartbeat. The limit itself still counts as in time."""

    suspect: float = 5.0
    disconnected: float = 15.0
    lost: float = 60.0


def node_status(silent_seconds: float, connected: bool, limits: SilenceLimits) -> NodeStatus:
    """`connected`: a session stream is open. A closed stream is SUSPECT at once: nothing can be sent that way."""
    if silent_seconds > limits.lost:
        return NodeStatus.LOST
    if silent_seconds > limits.disconnected:
        return NodeStatus.DISCONNECTED
    if silent_seconds > limits.suspect or not connected:
        return NodeStatus.SUSPECT
    return NodeStatus.READY

"""What an agent does not start, though it was asked to: its own account, or the host, says otherwise."""

from dataclasses import dataclass
from enum import StrEnum


class RefusalCode(StrEnum):
    """Of the GPUs that the placement was given: other replicas of this node hold them, they are in quarantine or gone,
    or too little of their memory is free. Or too little of the host's."""

    DEVICES_HELD = "devices_held"
    DEVICES_UNUSABLE = "devices_unusable"
    DEVICE_MEMORY_SHORT = "device_memory_short"
    MEMORY_SHORT = "memory_short"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Of a deployment's placement of which nothing runs there: need against have, in words a person reads."""

    deployment_id: str
    # A RefusalCode, or one that a newer agent knows.
    code: str
    need: str
    have: str

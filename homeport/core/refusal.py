"""What an agent does not start, though it was asked to: its own account says otherwise."""

from dataclasses import dataclass
from enum import StrEnum


class RefusalCode(StrEnum):
    """Of the GPUs that the placement was given: other replicas of this node hold them, or they are in quarantine."""

    DEVICES_HELD = "devices_held"
    DEVICES_UNUSABLE = "devices_unusable"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Of a deployment's placement of which nothing runs there: need against have, in words a person reads."""

    deployment_id: str
    # A RefusalCode, or one that a newer agent knows.
    code: str
    need: str
    have: str

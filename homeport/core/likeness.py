"""Whether an agent with a node's certificate is that node, or a copy of it: another host, or the same one set back."""

from dataclasses import dataclass, field
from enum import StrEnum

from homeport.core.hardware import Hardware, is_other


class Suspicion(StrEnum):
    """Why an agent is taken for a copy."""

    CERTIFICATE = "certificate"
    HARDWARE = "hardware"
    SNAPSHOT = "snapshot"
    RIVAL = "rival"


WHY = {
    Suspicion.CERTIFICATE: "it has a certificate that was replaced since",
    Suspicion.HARDWARE: "its hardware is that of another host",
    Suspicion.SNAPSHOT: "its state is older than what it had told before",
    Suspicion.RIVAL: "the host that has the session was still alive",
}


@dataclass(frozen=True, slots=True)
class Claim:
    """What an agent says of itself beside its certificate. `epoch_seen` is 0 where it does not know."""

    process_id: str = ""
    epoch_seen: int = 0
    hardware: Hardware = field(default_factory=Hardware)


@dataclass(frozen=True, slots=True)
class Memory:
    """What is known of a node: the hardware that it had last, and the newest epoch that was on its disk.

    What it was granted and did not write down counts for nothing: a killed agent has not seen it.
    """

    hardware: Hardware = field(default_factory=Hardware)
    epoch_kept: int = 0


def suspicion(memory: Memory, claim: Claim) -> Suspicion | None:
    if is_other(memory.hardware, claim.hardware):
        return Suspicion.HARDWARE
    if 0 < claim.epoch_seen < memory.epoch_kept:
        return Suspicion.SNAPSHOT
    return None

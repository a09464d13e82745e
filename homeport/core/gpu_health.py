"""Which GPU is not to be trusted any more: what its driver says of it, told apart from what programs do to it."""

from dataclasses import dataclass

# Of NVIDIA's error codes those that mean the hardware. Others, as 13 (a program's own fault) or 31 (a bad address), are
# ordinary ends of programs.
_HARDWARE_XIDS = {
    48: "uncorrectable memory error",
    62: "its microcontroller halted",
    64: "a bad memory row could not be replaced",
    74: "NVLink error",
    79: "it fell off the bus",
    95: "uncontained memory error",
    119: "its system processor does not answer",
    120: "its system processor failed",
    140: "uncorrectable memory error that could not be recovered",
}
# As NVML and the probe say of one that was there and is not.
_GONE = frozenset({"GPU is lost", "is not there any more"})


@dataclass(frozen=True, slots=True)
class Signs:
    """What a look at one GPU found. `ecc_uncorrected`: memory errors since the driver was loaded."""

    problem: str = ""
    ecc_uncorrected: int = 0
    remap_failed: bool = False


def fault_of_xid(xid: int) -> str:
    """Empty for an error that says nothing about the hardware."""
    return f"XID {xid}: {_HARDWARE_XIDS[xid]}" if xid in _HARDWARE_XIDS else ""


def fault_of(signs: Signs, ecc_forgiven: int) -> str:
    """Empty = sound. `ecc_forgiven` errors were there when a person cleared it."""
    if signs.problem in _GONE:
        return signs.problem
    if signs.remap_failed:
        return "a bad memory row could not be replaced"
    if signs.ecc_uncorrected > ecc_forgiven:
        return f"{signs.ecc_uncorrected} uncorrectable memory errors"
    return ""

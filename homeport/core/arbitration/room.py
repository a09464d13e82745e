"""What is left of a node, to the device: the agent's own account."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from homeport.core.packing.shape import WHOLE


@dataclass(frozen=True, slots=True)
class Claim:
    """What one replica takes. `devices` are (uuid, milli)."""

    cpu_milli: int = 0
    memory_bytes: int = 0
    devices: tuple[tuple[str, int], ...] = ()


class Room:
    """`cpu_milli` and `memory_bytes` of the host; None = not known, which stops nobody. Each device has 1000 milli,
    those that are `unusable` have none."""

    def __init__(self, cpu_milli: int | None, memory_bytes: int | None, unusable: Iterable[str] = ()) -> None:
        self._cpu, self._memory = cpu_milli, memory_bytes
        self._used: Counter[str] = Counter(dict.fromkeys(unusable, WHOLE))

    def take(self, claim: Claim) -> None:
        self._add(claim, 1)

    def give_back(self, claim: Claim) -> None:
        self._add(claim, -1)

    def copy(self) -> "Room":
        room = Room(self._cpu, self._memory)
        room._used = self._used.copy()
        return room

    def without(self, claims: Iterable[Claim]) -> "Room":
        """As it would be once these are gone."""
        room = self.copy()
        for claim in claims:
            room.give_back(claim)
        return room

    def claim(self, needs: Claim, shares: Iterable[tuple[str, int]], devices: int) -> Claim | None:
        """What a replica would take now, on so many different devices out of `shares`; None = there is no room."""
        if self._cpu is not None and needs.cpu_milli > self._cpu:
            return None
        if self._memory is not None and needs.memory_bytes > self._memory:
            return None
        free: dict[str, int] = {}
        for uuid, milli in shares:
            if self._used[uuid] + milli <= WHOLE:
                free.setdefault(uuid, milli)
        if len(free) < devices:
            return None
        return Claim(needs.cpu_milli, needs.memory_bytes, tuple(free.items())[:devices])

    def _add(self, claim: Claim, times: int) -> None:
        if self._cpu is not None:
            self._cpu -= times * claim.cpu_milli
        if self._memory is not None:
            self._memory -= times * claim.memory_bytes
        for uuid, milli in claim.devices:
            self._used[uuid] += times * milli

"""How many requests a gateway has in flight at once. When it has no room, whoever has least of it goes next."""

from collections import Counter
from collections.abc import Collection, Iterable
from typing import Protocol

from homeport.core.tenant_lines import TenantLines

MAX_IN_FLIGHT = 8192
MAX_WAITING = 1024
# Of request bodies that are held: to be read, to be sent a second time, or since their node takes no more.
MAX_BYTES = 512 * 1024 * 1024
# With so much of it free, and nobody waiting, there is nothing to arrange any more.
_EASY = 0.9


class Guest(Protocol):
    """`has_room` is the room's to change."""

    has_room: bool

    @property
    def tenant(self) -> str: ...

    def on_room(self) -> None:
        """It has waited for this."""

    def on_no_room(self) -> None:
        """It gives way to somebody of whom fewer wait."""


class Room:
    """It is asked only when there are more requests than `threshold`, and told of their ends only while it is crowded:
    until then it costs nothing."""

    def __init__(self, most: int = MAX_IN_FLIGHT, most_waiting: int = MAX_WAITING, most_bytes: int = MAX_BYTES) -> None:
        self.threshold = most
        self.is_crowded = False
        self._most = most
        self._most_waiting = most_waiting
        self._most_bytes = most_bytes
        self._is_heavy = False
        self._in_flight: Counter[str] = Counter()
        self._count = 0
        self._lines: TenantLines[Guest] = TenantLines()

    @property
    def waiting(self) -> int:
        return len(self._lines)

    def enter(self, guest: Guest, everybody: Iterable[Guest]) -> bool:
        """False: it waits, and hears. `everybody` are all requests, with room or without."""
        if not self.is_crowded:
            self._look(everybody)
        if self._has_place and not self._lines:
            self._admit(guest)
            return True
        if len(self._lines) >= self._most_waiting:
            displaced = self._lines.give_way(guest.tenant)
            if displaced is None:
                guest.on_no_room()
                return False
            displaced.on_no_room()
        self._lines.put(guest, guest.tenant)
        return False

    def left(self, guest: Guest, still_there: int) -> None:
        """It has ended, with room or without; `still_there` are with it or without it, too."""
        if guest.has_room:
            guest.has_room = False
            self._count -= 1
            self._in_flight[guest.tenant] -= 1
        else:
            self._lines.leave(guest)
        self._go_on(still_there)

    def weigh(self, held_bytes: int, everybody: Collection[Guest]) -> None:
        """Now and then: what all hold of their bodies. While that is too much nobody gets in."""
        self._is_heavy = held_bytes > self._most_bytes
        if self._is_heavy and not self.is_crowded:
            self._look(everybody)
        elif self.is_crowded:
            self._go_on(len(everybody))

    @property
    def _has_place(self) -> bool:
        return self._count < self._most and not self._is_heavy

    def _go_on(self, still_there: int) -> None:
        while self._lines and self._has_place:
            tenant = min(self._lines.tenants, key=self._in_flight.__getitem__)
            following = self._lines.pop_of(tenant)
            self._admit(following)
            following.on_room()
        if self.is_crowded and not (self._lines or self._is_heavy) and still_there <= _EASY * self._most:
            self.is_crowded, self.threshold = False, self._most

    def _look(self, everybody: Iterable[Guest]) -> None:
        self._in_flight = Counter(each.tenant for each in everybody if each.has_room)
        self._count = self._in_flight.total()
        # From now on everybody is to ask.
        self.is_crowded, self.threshold = True, -1

    def _admit(self, guest: Guest) -> None:
        guest.has_room = True
        self._count += 1
        self._in_flight[guest.tenant] += 1

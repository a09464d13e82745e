"""How many replicas of each placement may run on this node now, and who leaves for whom.

Minima are owed: what others run beyond theirs goes for them. Beyond that the higher priority comes first, then who has
waited longer. A replica of another placement is taken only for somebody who waits, only if it is idle or of lower
priority, and only after it has been ready for two of its own starts: no device changes hands more often than that. What
finds no room is pressure.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from enum import Enum, auto

from homeport.core.arbitration.room import Claim, Room
from homeport.core.arbitration.types import Contender, Resident, Taken, Verdict

# A replica stays for so many of its own starts: what was paid for is used.
RESIDENCY_STARTS = 2.0


def arbitrate(
    contenders: Sequence[Contender],
    residents: Sequence[Resident],
    room: Room,
    asleep: frozenset[str] = frozenset(),
) -> Verdict:
    """`room` is the node's when it is empty, `asleep` that of the verdict before. Who could not have its devices even
    if all contenders left is allowed to try: whoever starts it tells why it can't."""
    return _Arbitration(contenders, residents, room, asleep).verdict()


class _Answer(Enum):
    NOW = auto()
    # Once those have left that are on their way out.
    LATER = auto()
    NO = auto()


class _Arbitration:
    def __init__(
        self, contenders: Sequence[Contender], residents: Sequence[Resident], room: Room, asleep: frozenset[str]
    ) -> None:
        self._contenders = {contender.placement_id: contender for contender in contenders}
        self._asleep = asleep
        self._staying = [each for each in residents if not each.leaving]
        self._running = Counter(each.placement_id for each in self._staying)
        self._now, self._bare = room.copy(), room.copy()
        for each in residents:
            self._now.take(each.holds)
            if each.placement_id not in self._contenders and not each.leaving:
                self._bare.take(each.holds)
        self._later = self._now.without(each.holds for each in residents if each.leaving)
        self._allowed = {id: min(self._goal(each), self._running[id]) for id, each in self._contenders.items()}
        # Of the shares that each placement was given, those that are not in use.
        self._shares = {id: Counter(each.shares) for id, each in self._contenders.items()}
        for each in self._staying:
            if each.placement_id in self._shares:
                self._shares[each.placement_id].subtract(each.holds.devices)
        self._taken: list[Taken] = []
        # Replicas that find no room, by placement.
        self._short: dict[str, int] = {}
        self._waits: list[float] = []

    def verdict(self) -> Verdict:
        turns = sorted(self._contenders.values(), key=_turn)
        promised: Counter[str] = Counter()
        for entitled in (True, False):
            for contender in turns:
                self._serve(contender, entitled, promised)
        lost = self._asleep | {taken.from_placement for taken in self._taken}
        asleep = (id for id, each in self._contenders.items() if id in lost and self._sleeps(each))
        pressure: Counter[str] = Counter()
        for id, missing in self._short.items():
            pressure[self._contenders[id].deployment_id] += missing
        return Verdict(self._allowed, tuple(self._taken), pressure, frozenset(asleep), min(self._waits, default=None))

    def _sleeps(self, contender: Contender) -> bool:
        return contender.waiting_seconds is None and self._allowed[contender.placement_id] < contender.wanted

    def _goal(self, contender: Contender) -> int:
        """Who sleeps does not wake by itself."""
        id = contender.placement_id
        if id in self._asleep and contender.waiting_seconds is None:
            return min(contender.wanted, max(contender.least, self._running[id]))
        return contender.wanted

    def _serve(self, contender: Contender, entitled: bool, promised: Counter[str]) -> None:
        """One replica after the other, up to its minimum if `entitled`, else up to what it wants."""
        id, goal = contender.placement_id, self._goal(contender)
        goal = min(contender.least, goal) if entitled else goal
        while (missing := goal - self._allowed[id] - promised[id]) > 0:
            answer = self._serve_one(contender, entitled)
            if answer is _Answer.NOW:
                self._allowed[id] += 1
            elif answer is _Answer.LATER:
                promised[id] += 1
            else:
                if entitled or contender.waiting_seconds is not None:
                    self._short[id] = missing
                return

    def _serve_one(self, contender: Contender, entitled: bool) -> _Answer:
        if not self._has_devices(contender, self._bare):
            return _Answer.NOW
        if (claim := self._fits(contender, self._now)) is not None:
            self._now.take(claim)
            self._grant(contender, claim)
            return _Answer.NOW
        if (claim := self._fits(contender, self._later)) is None:
            claim = self._take_from_others(contender, entitled)
        if claim is None:
            return _Answer.NO
        self._grant(contender, claim)
        return _Answer.LATER

    def _grant(self, contender: Contender, claim: Claim) -> None:
        self._later.take(claim)
        self._shares[contender.placement_id].subtract(claim.devices)

    def _fits(self, contender: Contender, room: Room) -> Claim | None:
        return room.claim(contender.needs, self._shares[contender.placement_id].elements(), contender.devices)

    def _has_devices(self, contender: Contender, room: Room) -> bool:
        return room.claim(Claim(), self._shares[contender.placement_id].elements(), contender.devices) is not None

    def _take_from_others(self, contender: Contender, entitled: bool) -> Claim | None:
        """The fewest that make room, the least worth first; none if they would not be enough."""
        if not entitled and contender.waiting_seconds is None:
            return None
        chosen: list[Resident] = []
        for victim in self._victims(contender, entitled):
            chosen.append(victim)
            if self._fits(contender, self._without(chosen)) is not None:
                break
        else:
            return None
        for victim in tuple(chosen):
            fewer = [each for each in chosen if each is not victim]
            if self._fits(contender, self._without(fewer)) is not None:
                chosen = fewer
        for victim in chosen:
            self._later.give_back(victim.holds)
            self._allowed[victim.placement_id] -= 1
            self._shares[victim.placement_id].update(victim.holds.devices)
            self._taken.append(Taken(victim.replica_id, victim.placement_id, contender.placement_id, entitled))
        return self._fits(contender, self._later)

    def _without(self, residents: Sequence[Resident]) -> Room:
        return self._later.without(each.holds for each in residents)

    def _victims(self, contender: Contender, entitled: bool) -> Iterator[Resident]:
        """Those that may be taken now. Notes when others may be."""
        gone = {taken.replica_id for taken in self._taken}
        spare = {id: self._allowed[id] - each.least for id, each in self._contenders.items()}
        for resident in sorted(self._staying, key=self._worth):
            owner = self._contenders.get(resident.placement_id)
            if owner is None or owner is contender or resident.replica_id in gone or spare[owner.placement_id] <= 0:
                continue
            weaker = resident.idle or resident.failing or owner.priority < contender.priority
            left = 0.0 if entitled or resident.failing else _residency_left(resident)
            if left is None or not (entitled or weaker):
                continue
            if left > 0:
                self._waits.append(left)
                continue
            spare[owner.placement_id] -= 1
            yield resident

    def _worth(self, resident: Resident) -> tuple[bool, int, bool, float, str]:
        owner = self._contenders.get(resident.placement_id)
        priority = owner.priority if owner else 0
        return not resident.failing, priority, not resident.idle, -(resident.ready_seconds or 0.0), resident.replica_id


def _turn(contender: Contender) -> tuple[int, float, str]:
    waited = contender.waiting_seconds if contender.waiting_seconds is not None else -1.0
    return -contender.priority, -waited, contender.placement_id


def _residency_left(resident: Resident) -> float | None:
    """Seconds; None = it is not ready, and nobody can say when it will be."""
    if resident.ready_seconds is None:
        return None
    return max(0.0, RESIDENCY_STARTS * resident.start_seconds - resident.ready_seconds)

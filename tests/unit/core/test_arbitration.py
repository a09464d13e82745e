"""Who runs where several want the same: tables, properties, and stories told in absolute times."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from homeport.core.arbitration.arbitrate import RESIDENCY_STARTS, arbitrate
from homeport.core.arbitration.room import Claim, Room
from homeport.core.arbitration.types import Contender, Resident, Verdict

GPU = (("gpu-0", 1000),)
GIB = 2**30


def wants(name: str, wanted: int = 1, waiting: float | None = None, **more: object) -> Contender:
    """Of one whole GPU, gpu-0, unless told otherwise."""
    given = {"shares": GPU, "devices": 1, **more}
    return Contender(name, name, wanted, waiting_seconds=waiting, **given)  # type: ignore[arg-type]


def runs(name: str, ready: float | None = 100.0, start: float = 10.0, **more: object) -> Resident:
    given = {"holds": Claim(devices=GPU), "replica_id": f"{name}-1", **more}
    return Resident(placement_id=name, ready_seconds=ready, start_seconds=start, **given)  # type: ignore[arg-type]


def decide(contenders: Sequence[Contender], residents: Sequence[Resident], asleep: str = "") -> Verdict:
    return arbitrate(contenders, residents, Room(8000, 32 * GIB), frozenset(asleep.split()))


def taken(verdict: Verdict) -> list[str]:
    return [each.replica_id for each in verdict.taken]


@pytest.mark.parametrize(
    ("holder", "waiter", "resident", "is_taken"),
    [
        # Idle, and ready for two starts of its own.
        ({}, {"waiting": 1.0}, {"idle": True, "ready": 20.0}, True),
        ({}, {"waiting": 1.0}, {"idle": True, "ready": 19.9}, False),
        # Busy: only for a higher priority, and not before its time either.
        ({}, {"waiting": 1.0}, {"ready": 3600.0}, False),
        ({}, {"waiting": 1.0, "priority": 1}, {"ready": 20.0}, True),
        ({}, {"waiting": 1.0, "priority": 1}, {"ready": 19.0}, False),
        ({"priority": 2}, {"waiting": 600.0, "priority": 1}, {"ready": 3600.0}, False),
        # Idle ones of a higher priority, too.
        ({"priority": 2}, {"waiting": 1.0}, {"idle": True, "ready": 20.0}, True),
        # Nobody waits: nothing is taken for a wish.
        ({}, {"waiting": None, "priority": 9}, {"idle": True, "ready": 3600.0}, False),
        # It starts: nobody can say how long it will have been ready.
        ({}, {"waiting": 1.0, "priority": 9}, {"ready": None}, False),
        # It is down anyway.
        ({}, {"waiting": 1.0}, {"ready": None, "failing": True}, True),
        # A minimum is never taken, and takes at once.
        ({"least": 1}, {"waiting": 1.0, "priority": 9}, {"idle": True, "ready": 3600.0}, False),
        ({"priority": 9}, {"waiting": None, "least": 1}, {"ready": 0.0}, True),
        ({"priority": 9}, {"waiting": None, "least": 1}, {"ready": None}, True),
        ({"least": 1}, {"waiting": None, "least": 1}, {"ready": 3600.0, "idle": True}, False),
    ],
)
def test_who_is_taken_for_whom(
    holder: dict[str, int], waiter: dict[str, float], resident: dict[str, float], is_taken: bool
) -> None:
    verdict = decide([wants("a", **holder), wants("b", **waiter)], [runs("a", **resident)])  # type: ignore[arg-type]
    assert taken(verdict) == (["a-1"] if is_taken else [])
    assert verdict.allowed == {"a": 0 if is_taken else 1, "b": 0}, "`b` starts when the device is free"
    is_owed_or_waits = waiter["waiting"] is not None or waiter.get("least", 0) > 0
    assert verdict.pressure == ({"b": 1} if is_owed_or_waits and not is_taken else {})


def test_what_is_free_goes_by_priority_and_then_to_who_waited_longest() -> None:
    told = [wants("a", waiting=9.0), wants("b", waiting=1.0, priority=1), wants("c", waiting=30.0)]
    assert decide(told, []).allowed == {"a": 0, "b": 1, "c": 0}
    assert decide([told[0], told[2]], []).allowed == {"a": 0, "c": 1}
    assert decide(told, []).pressure == {"a": 1, "c": 1}


def test_who_was_promised_what_is_leaving_gets_it_and_nothing_more_is_taken() -> None:
    told = [wants("a"), wants("b", waiting=5.0), wants("c", waiting=2.0)]
    leaving = decide(told, [runs("a", leaving=True)], asleep="a")
    assert (leaving.allowed, leaving.pressure, leaving.asleep) == ({"a": 0, "b": 0, "c": 0}, {"c": 1}, frozenset("a"))
    assert decide(told, [], asleep="a").allowed == {"a": 0, "b": 1, "c": 0}


def test_who_was_put_to_sleep_wakes_when_somebody_waits() -> None:
    assert decide([wants("a")], [], asleep="a").allowed == {"a": 0}
    assert decide([wants("a")], [], asleep="a").asleep == {"a"}
    woken = decide([wants("a", waiting=0.0)], [], asleep="a")
    assert (woken.allowed, woken.asleep) == ({"a": 1}, frozenset())
    assert decide([wants("a", wanted=0)], [], asleep="a").asleep == frozenset()


def test_the_replica_on_the_right_device_is_taken() -> None:
    two = (("gpu-0", 1000), ("gpu-1", 1000))
    on = [
        runs("a", replica_id=f"a-{number}", idle=True, holds=Claim(devices=(share,)), ready=100.0 + number)
        for number, share in enumerate(two)
    ]
    verdict = decide([wants("a", 2, shares=two), wants("b", waiting=1.0, shares=two[:1])], on)
    assert taken(verdict) == ["a-0"]


def test_no_more_are_taken_than_are_needed_and_none_in_vain() -> None:
    quarters = tuple(("gpu-0", 250) for _ in range(4))
    small = [
        runs(f"s{number}", idle=True, holds=Claim(devices=quarters[:1]), replica_id=f"s{number}") for number in range(4)
    ]
    told = [wants(f"s{number}", shares=quarters[:1]) for number in range(4)]
    half = wants("half", waiting=1.0, shares=(("gpu-0", 500),))
    assert len(taken(decide([*told, half], small))) == 2
    # The last one is busy: no sense in taking the three others.
    busy = [*small[:3], runs("s3", holds=Claim(devices=quarters[:1]), replica_id="s3")]
    whole = decide([*told, wants("whole", waiting=1.0)], busy)
    assert (taken(whole), whole.pressure) == ([], {"whole": 1})


def test_memory_of_the_host_is_counted_as_devices_are() -> None:
    needs = Claim(memory_bytes=20 * GIB)
    idle = runs("a", idle=True, holds=needs)
    told = [wants("a", shares=(), devices=0, needs=needs), wants("b", waiting=1.0, shares=(), devices=0, needs=needs)]
    assert taken(decide(told, [idle])) == ["a-1"]
    assert decide(told, [runs("a", holds=needs)]).pressure == {"b": 1}
    assert arbitrate(told, [idle], Room(None, None)).allowed == {"a": 1, "b": 1}, "not known yet what the host has"


def test_what_is_held_by_strangers_is_left_to_who_starts_it_to_refuse() -> None:
    verdict = decide([wants("b", waiting=1.0)], [runs("nobody knows", idle=True)])
    assert (verdict.allowed, verdict.pressure, taken(verdict)) == ({"b": 1}, {}, [])
    in_quarantine = arbitrate([wants("b", waiting=1.0)], [], Room(None, None, unusable=["gpu-0"]))
    assert in_quarantine.allowed == {"b": 1}


def test_it_says_when_to_look_again() -> None:
    told = [wants("a"), wants("b", waiting=1.0)]
    assert decide(told, [runs("a", idle=True, ready=15.0)]).look_again_in == 5.0
    assert decide(told, [runs("a", ready=15.0)]).look_again_in is None, "it is busy, whatever the time"


# -- properties

shares = st.sampled_from([(("gpu-0", 1000),), (("gpu-1", 1000),), (("gpu-0", 400),), (("gpu-1", 400),)])
scenes = st.lists(
    st.tuples(
        shares,
        st.integers(0, 1),  # least
        st.integers(0, 2),  # priority
        st.one_of(st.none(), st.floats(0, 100)),  # waiting
        st.sampled_from(["no", "idle", "busy", "starting", "leaving", "failing"]),
        st.floats(0, 60),  # ready
    ),
    max_size=6,
)


def scene_of(drawn: list[tuple[tuple[tuple[str, int], ...], int, int, float | None, str, float]]) -> tuple[
    list[Contender], list[Resident]
]:  # fmt: skip
    """Residents hold no more than there is, and minima are no more than there is: the scheduler sees to both."""
    contenders, residents = [], []
    used, owed = Counter[str](), Counter[str]()
    for number, (share, least, priority, waiting, state, ready) in enumerate(drawn):
        ((uuid, milli),) = share
        least = least if owed[uuid] + milli <= 1000 else 0
        owed[uuid] += milli * least
        contenders.append(wants(f"p{number}", 1, waiting, shares=share, least=least, priority=priority))
        if state != "no" and used[uuid] + milli <= 1000:
            used[uuid] += milli
            residents.append(
                runs(
                    f"p{number}",
                    None if state in ("starting", "failing") else ready,
                    holds=Claim(devices=share),
                    idle=state == "idle",
                    leaving=state == "leaving",
                    failing=state == "failing",
                )
            )
    return contenders, residents


@settings(max_examples=500)
@given(scenes)
def test_no_device_is_oversold_and_only_what_may_be_is_taken(
    drawn: list[tuple[tuple[tuple[str, int], ...], int, int, float | None, str, float]],
) -> None:
    contenders, residents = scene_of(drawn)
    by_id = {each.placement_id: each for each in contenders}
    verdict = decide(contenders, residents)
    used = Counter[str]()
    staying = {each.placement_id for each in residents if not each.leaving}
    for resident in residents:
        used[resident.holds.devices[0][0]] += resident.holds.devices[0][1]
    for each in contenders:
        if verdict.allowed[each.placement_id] and each.placement_id not in staying:
            used[each.shares[0][0]] += each.shares[0][1]
    assert all(milli <= 1000 for milli in used.values()), "a start waits until its device is free"
    at = {each.replica_id: each for each in residents}
    for one in verdict.taken:
        victim, owner, waiter = at[one.replica_id], by_id[one.from_placement], by_id[one.for_placement]
        assert verdict.allowed[one.from_placement] >= owner.least
        if not one.entitled:
            assert waiter.waiting_seconds is not None
            assert victim.failing or victim.idle or owner.priority < waiter.priority
            assert victim.failing or (victim.ready_seconds or 0) >= RESIDENCY_STARTS * victim.start_seconds
    for each in contenders:
        assert verdict.allowed[each.placement_id] <= each.wanted


@given(scenes, st.randoms())
def test_the_order_in_which_they_are_told_does_not_matter(drawn: list[tuple[object, ...]], random: object) -> None:
    contenders, residents = scene_of(drawn)  # type: ignore[arg-type]
    verdict = decide(contenders, residents)
    random.shuffle(contenders)  # type: ignore[attr-defined]
    random.shuffle(residents)  # type: ignore[attr-defined]
    again = decide(contenders, residents)
    assert (again.allowed, set(again.taken), again.pressure) == (
        verdict.allowed,
        set(verdict.taken),
        verdict.pressure,
    )


@given(scenes)
def test_every_minimum_is_allowed_or_waits_for_what_leaves(drawn: list[tuple[object, ...]]) -> None:
    """As long as minima fit on each device, which they do here."""
    contenders, residents = scene_of(drawn)  # type: ignore[arg-type]
    verdict = decide(contenders, residents)
    for each in contenders:
        if each.least and not verdict.allowed[each.placement_id]:
            ((uuid, _),) = each.shares
            going = {one.replica_id for one in verdict.taken} | {r.replica_id for r in residents if r.leaving}
            assert any(r.replica_id in going and r.holds.devices[0][0] == uuid for r in residents)
            assert each.deployment_id not in verdict.pressure


# -- stories


@dataclass
class Model:
    start: float = 10.0
    priority: int = 0
    # (arrival, seconds of service), one at a time.
    requests: list[tuple[float, float]] = field(default_factory=list)
    done_at: list[float] = field(default_factory=list)


@dataclass
class Story:
    """One GPU, one replica at a time; a request is served when its model is ready. Looked at once a second."""

    models: dict[str, Model]
    now: float = 0.0
    # Of the model that holds the GPU: when its start began.
    holder: str = ""
    since: float = 0.0
    busy_until: float = 0.0
    asleep: frozenset[str] = frozenset()
    log: list[tuple[float, str]] = field(default_factory=list)
    pressed: dict[str, list[float]] = field(default_factory=dict)

    def tell(self, seconds: float) -> list[tuple[float, str]]:
        while self.now <= seconds:
            self._serve()
            self._decide()
            self.now += 1
        return self.log

    def _ready_at(self) -> float:
        return self.since + self.models[self.holder].start

    def _serve(self) -> None:
        if not self.holder:
            return
        model = self.models[self.holder]
        while model.requests and model.requests[0][0] <= self.now:
            arrived, seconds = model.requests[0]
            begins = max(arrived, self._ready_at(), self.busy_until)
            if begins > self.now:
                return
            model.requests.pop(0)
            self.busy_until = begins + seconds
            model.done_at.append(self.busy_until)

    def _decide(self) -> None:
        contenders = []
        for name, model in self.models.items():
            waits = [self.now - arrived for arrived, _ in model.requests if arrived <= self.now]
            serving = name == self.holder
            waiting = max(waits, default=None) if not (serving and self.now >= self._ready_at()) else None
            wanted = 1 if waits or serving or name in self.asleep else 0
            contenders.append(wants(name, wanted, waiting, priority=model.priority))
        residents = []
        if self.holder:
            ready = self.now - self._ready_at()
            queue = [arrived for arrived, _ in self.models[self.holder].requests if arrived <= self.now]
            idle = ready >= 0 and self.busy_until <= self.now and not queue
            start = self.models[self.holder].start
            residents = [runs(self.holder, ready if ready >= 0 else None, start, idle=idle)]
        verdict = decide(contenders, residents, " ".join(self.asleep))
        self.asleep = verdict.asleep
        for name in verdict.pressure:
            self.pressed.setdefault(name, []).append(self.now)
        if verdict.taken:
            # It is gone at once, and the next one starts.
            self.holder = ""
            self.log.append((self.now, f"{verdict.taken[0].from_placement} sleeps"))
            self._decide()
        elif not self.holder:
            started = [name for name, count in verdict.allowed.items() if count]
            if started:
                self.holder, self.since, self.busy_until = started[0], self.now, 0.0
                self.log.append((self.now, f"{started[0]} starts"))


def test_two_models_on_one_gpu_take_turns() -> None:
    story = Story({"a": Model(requests=[(0, 2), (50, 2)]), "b": Model(requests=[(5, 2), (70, 2)])})
    assert story.tell(120) == [
        (0, "a starts"),
        # Ready at 10, idle from 12 on: it may be taken at 30, after two of its starts.
        (30, "a sleeps"),
        (30, "b starts"),
        # Ready at 40; somebody waits for `a` from 50 on.
        (60, "b sleeps"),
        (60, "a starts"),
        (90, "a sleeps"),
        (90, "b starts"),
    ]
    assert story.models["a"].done_at == [12, 72]
    assert story.models["b"].done_at == [42, 102]


def test_a_storm_of_three_does_not_thrash() -> None:
    """Requests for all of them, all the time: a start every 30 s at most, and each has its turn."""
    requests = [(float(second), 0.5) for second in range(0, 600, 5)]
    story = Story({name: Model(requests=list(requests)) for name in "abc"})
    log = story.tell(600)
    starts = [(at, what.split()[0]) for at, what in log if what.endswith("starts")]
    assert all(later - earlier >= 30 for (earlier, _), (later, _) in pairwise(starts))
    assert [name for _, name in starts[:6]] == ["a", "b", "c", "a", "b", "c"]
    assert min(Counter(name for _, name in starts).values()) >= 6
    assert all(story.pressed[name] for name in "abc"), "that is too much for one GPU, and said to be"


def test_a_higher_priority_takes_from_a_busy_one_after_its_time() -> None:
    busy = [(float(second), 1.0) for second in range(100)]
    story = Story({"batch": Model(requests=busy), "chat": Model(priority=10, requests=[(12, 1)])})
    assert story.tell(60)[:3] == [(0, "batch starts"), (30, "batch sleeps"), (30, "chat starts")]
    assert story.models["chat"].done_at == [41]
    assert story.pressed["chat"] == [float(second) for second in range(12, 30)]


def test_an_equal_that_is_busy_is_not_taken_however_long_others_wait() -> None:
    busy = [(float(second), 1.0) for second in range(300)]
    story = Story({"a": Model(requests=busy), "b": Model(requests=[(12, 1)])})
    assert story.tell(280) == [(0, "a starts")]
    assert story.pressed["b"][0] == 12


def test_who_sleeps_leaves_the_gpu_alone_until_somebody_wants_it() -> None:
    story = Story({"a": Model(requests=[(0, 1)]), "b": Model(requests=[(31, 1)])})
    assert story.tell(300) == [(0, "a starts"), (31, "a sleeps"), (31, "b starts")]

from hypothesis import given
from hypothesis import strategies as st

from homeport.core.rollout.share import Share, percent_of
from homeport.core.rollout.shift import Bounds, Running, Shift, Track, share_of, shift

ONE, TWO = Running(3, 5, 5), Running(4, 1, 1)
NINE_TO_ONE = (Share(3, 90), Share(4, 10))


def test_both_bounds_are_divided_rounded_up() -> None:
    assert share_of(Bounds(2, 10), 90) == Bounds(2, 9)
    assert share_of(Bounds(2, 10), 10) == Bounds(1, 1)
    assert share_of(Bounds(0, 10), 10) == Bounds(0, 1)
    assert share_of(Bounds(2, 10), 0) == Bounds(1, 1), "who names it is served"
    assert share_of(Bounds(0, 10), 0) == Bounds(0, 1)
    assert share_of(Bounds(3, 3), 50) == Bounds(2, 2)
    assert share_of(Bounds(0, 0), 100) == Bounds(0, 0), "stopped"


def test_a_new_revision_gets_a_track_of_its_own_and_nothing_until_it_is_ready() -> None:
    assert shift("chat", NINE_TO_ONE, [Share(3, 100)], {"chat": ONE}, Bounds(2, 10)) == Shift(
        {"chat": Track(3, Bounds(2, 10)), "chat@1": Track(4, Bounds(1, 1), waits_for=1)}, (Share(3, 100),)
    )
    both = {"chat": ONE, "chat@1": TWO}
    there = shift("chat", NINE_TO_ONE, [Share(3, 100)], both, Bounds(2, 10))
    assert there.traffic == NINE_TO_ONE
    assert shift("chat", NINE_TO_ONE, NINE_TO_ONE, both, Bounds(2, 10)) == Shift(
        {"chat": Track(3, Bounds(2, 9)), "chat@1": Track(4, Bounds(1, 1))}, NINE_TO_ONE
    )


def test_who_takes_over_has_ready_what_the_other_had_and_the_other_ends_last() -> None:
    all_to_four = [Share(4, 100)]
    begun = shift("chat", all_to_four, NINE_TO_ONE, {"chat": ONE, "chat@1": TWO}, Bounds(2, 10))
    assert begun.tracks["chat@1"] == Track(4, Bounds(5, 10), waits_for=5)
    assert begun.traffic == NINE_TO_ONE
    done = shift("chat", all_to_four, NINE_TO_ONE, {"chat": ONE, "chat@1": Running(4, 5, 5)}, Bounds(2, 10))
    assert (done.traffic, set(done.tracks)) == ((Share(4, 100),), {"chat", "chat@1"})
    after = shift("chat", all_to_four, all_to_four, {"chat": ONE, "chat@1": Running(4, 5, 5)}, Bounds(2, 10))
    assert after.tracks == {"chat@1": Track(4, Bounds(2, 10))}


def test_nobody_waits_where_nothing_serves() -> None:
    broken = Running(4, 0, 0)
    back = shift("chat", [Share(3, 100)], [Share(4, 100)], {"chat": broken}, Bounds(2, 10))
    assert back.traffic == (Share(3, 100),)
    unsure = shift("chat", [Share(3, 100)], [Share(4, 100)], {"chat": Running(4, 0, 2)}, Bounds(2, 10))
    assert unsure.traffic == (Share(4, 100),), "nobody can tell whether it serves: it counts"


def test_a_name_that_is_free_again_is_used_again() -> None:
    found = shift("chat", [Share(4, 50), Share(5, 50)], [Share(4, 100)], {"chat@1": TWO}, Bounds(1, 4))
    assert {id: track.revision for id, track in found.tracks.items()} == {"chat@1": 4, "chat": 5}


PERCENTS = st.lists(st.integers(0, 100), min_size=1, max_size=4).map(
    lambda cuts: [b - a for a, b in zip([0, *sorted(cuts)], [*sorted(cuts), 100], strict=True)]
)
SHARES = PERCENTS.map(lambda percents: tuple(Share(n, percent) for n, percent in enumerate(percents, 1)))
BOUNDS = st.tuples(st.integers(0, 20), st.integers(0, 20)).map(lambda pair: Bounds(min(pair), max(pair)))


@given(SHARES, BOUNDS)
def test_shares_cover_the_bounds_with_at_most_one_more_per_revision(shares: tuple[Share, ...], bounds: Bounds) -> None:
    parts = [share_of(bounds, share.percent) for share in shares]
    assert all(part.min_replicas <= part.max_replicas for part in parts)
    for given_, whole in (
        (sum(part.min_replicas for part in parts), bounds.min_replicas),
        (sum(part.max_replicas for part in parts), bounds.max_replicas),
    ):
        assert whole <= given_ <= whole + len(parts) - 1 if whole else given_ == 0


@given(SHARES, SHARES, BOUNDS, st.lists(st.integers(0, 8), min_size=5, max_size=5))
def test_a_shift_comes_to_its_end_and_requests_always_go_to_what_is_placed(
    before: tuple[Share, ...], wanted: tuple[Share, ...], bounds: Bounds, counts: list[int]
) -> None:
    """Each step the nodes start what a track's minimum asks for."""
    running = {f"t{s.revision}": Running(s.revision, n, n) for s, n in zip(before, counts, strict=False)}
    now = before
    for _ in range(4):
        step = shift("t", wanted, now, running, bounds)
        placed = {track.revision for track in step.tracks.values()}
        assert len(placed) == len(step.tracks)
        assert {share.revision for share in (*now, *step.traffic)} <= placed, "also for gateways that hear it late"
        assert sum(share.percent for share in step.traffic) == 100
        now = step.traffic
        running = {
            id: Running(track.revision, track.bounds.min_replicas, track.bounds.min_replicas)
            for id, track in step.tracks.items()
        }
    assert now == wanted
    assert {track.revision for track in step.tracks.values()} == {share.revision for share in wanted}


@given(SHARES, SHARES, BOUNDS, st.lists(st.integers(1, 8), min_size=5, max_size=5))
def test_nothing_that_serves_loses_requests_to_what_is_not_ready(
    before: tuple[Share, ...], wanted: tuple[Share, ...], bounds: Bounds, counts: list[int]
) -> None:
    running = {f"t{s.revision}": Running(s.revision, n, n) for s, n in zip(before, counts, strict=False) if s.percent}
    step = shift("t", wanted, before, running, bounds)
    ready = {track.revision: track.ready for track in running.values()}
    if bounds.max_replicas:
        for share in step.traffic:
            assert share.percent <= percent_of(before, share.revision) or ready.get(share.revision, 0) > 0

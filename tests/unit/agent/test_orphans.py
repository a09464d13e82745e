"""What a runtime holds and the agent does not know, told in seconds of listings."""

from agent.drivers.driver import Found, Handle, Labels, RunState
from agent.reconcile.orphans import Sighting, orphans, sightings, strays

EXITED, RUNNING, UNKNOWN = RunState.EXITED, RunState.RUNNING, RunState.UNKNOWN


def _found(replica_id: str, state: RunState) -> Found:
    return Found(Labels(replica_id, "chat", "p"), Handle("process", 1, "127.0.0.1", 9000), state)


def _listed(*listings: tuple[float, list[Found]], known: frozenset[str] = frozenset()) -> dict[str, Sighting]:
    seen: dict[str, Sighting] = {}
    for now, found in listings:
        seen = sightings(found, known, seen, now)
    return seen


def _ids(found: list[Found]) -> list[str]:
    return [each.labels.replica_id for each in found]


def test_an_ended_one_is_removed_after_five_minutes_and_two_listings() -> None:
    ended = [_found("a", EXITED)]
    assert orphans(_listed((0, ended)), now=1000) == [], "one listing is not enough"
    twice = _listed((0, ended), (60, ended))
    assert orphans(twice, now=299) == []
    assert _ids(orphans(twice, now=300)) == ["a"]


def test_one_that_was_missing_from_a_listing_begins_anew() -> None:
    ended = [_found("a", EXITED)]
    assert orphans(_listed((0, ended), (100, []), (200, ended), (301, ended)), now=301) == []


def test_what_is_known_is_no_orphan() -> None:
    ended = [_found("a", EXITED)]
    assert _listed((0, ended), (400, ended), known=frozenset({"a"})) == {}


def test_what_runs_is_never_removed_but_taken_in_when_it_was_seen_twice() -> None:
    running = [_found("a", RUNNING)]
    assert strays(_listed((0, running))) == []
    twice = _listed((0, running), (60, running))
    assert _ids(strays(twice)) == ["a"]
    assert orphans(twice, now=10_000) == []


def test_one_that_ended_meanwhile_begins_anew() -> None:
    seen = _listed((0, [_found("a", RUNNING)]), (400, [_found("a", EXITED)]))
    assert strays(seen) == orphans(seen, now=400) == []


def test_a_silent_runtime_says_nothing() -> None:
    silent = [_found("a", UNKNOWN)]
    seen = _listed((0, silent), (400, silent))
    assert strays(seen) == orphans(seen, now=800) == []

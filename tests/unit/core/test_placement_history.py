from homeport.core.placement.history import PlacementEvent, event_of, followed_by
from homeport.core.placement.types import Budget, Plan, Rejection
from tests.unit.core.test_placement import wanted

FULL = Rejection("n2", "gpu-07", "memory", "8Gi", "6Gi free")
FULLER = Rejection("n2", "gpu-07", "memory", "8Gi", "5Gi free")
CORDONED = Rejection("n3", "rack9", "cordon", "a node that takes new replicas", "cordoned")
HERE = Plan((Budget("n1", 0, 1, 2),))


def test_an_event_says_what_became_of_the_wish_and_why() -> None:
    nowhere = Plan((), missing_min=1, missing_max=2)
    assert event_of(wanted(1, 2), nowhere, [], [FULL, CORDONED], 5.0) == PlacementEvent(
        5.0, "pending", (), "gpu-07: memory: needs 8Gi, has 6Gi free (and 1 more nodes)"
    )
    partly = Plan(HERE.budgets, missing_max=1)
    assert event_of(wanted(1, 3), partly, ["rack7"], [FULL], 6.0) == PlacementEvent(
        6.0, "partly", ("rack7 (2)",), "up to 2 of 3 replicas: rack7 (2); gpu-07: memory: needs 8Gi, has 6Gi free"
    )
    assert event_of(wanted(1, 2), HERE, ["rack7"], [], 7.0).text == "up to 2 replicas: rack7 (2)"
    assert event_of(wanted(0, 0), Plan(()), [], [], 8.0).verdict == "stopped"
    assert event_of(wanted(1, 1), nowhere, [], [], 9.0).text == "its nodepools have no other node"


def test_while_it_stays_what_it_is_only_its_numbers_change() -> None:
    nowhere = Plan((), missing_max=2)
    first = event_of(wanted(1, 2), nowhere, [], [FULL], 5.0)
    again = followed_by((first,), event_of(wanted(1, 2), nowhere, [], [FULLER], 9.0))
    assert [(each.at, each.text) for each in again] == [(5.0, "gpu-07: memory: needs 8Gi, has 5Gi free")]
    placed = event_of(wanted(1, 2), HERE, ["rack7"], [], 12.0)
    assert followed_by(again, placed) == (*again, placed)
    moved = event_of(wanted(1, 2), HERE, ["rack8"], [], 13.0)
    assert followed_by((placed,), moved) == (placed, moved)


def test_old_events_are_forgotten() -> None:
    events: tuple[PlacementEvent, ...] = ()
    for number in range(30):
        events = followed_by(events, event_of(wanted(1, 2), HERE, [f"rack{number}"], [], float(number)))
    assert [each.at for each in events] == [float(number) for number in range(20, 30)]

"""Who vanishes, and whom the control plane then suspects."""

import pytest

from homeport.core.node_lifecycle.brake import Brake, Tally, Terms, decide, overrule

TERMS = Terms(least=3, released_at=0.25, hold=300, grace=30)


def engages(*clusters: tuple[int, int]) -> bool:
    """(nodes, of which vanished) of each cluster."""
    return decide(Brake(), [Tally(*cluster) for cluster in clusters], 100, TERMS).engaged_at is not None


@pytest.mark.parametrize(
    ("clusters", "expected", "why"),
    [
        ([(10, 10)], True, "all of one site: our own network is as likely"),
        ([(10, 6)], True, "more than half"),
        ([(10, 5)], False, "half is not more than half"),
        ([(2, 2)], False, "two are not many"),
        ([(3, 3)], True, "three are"),
        ([(6, 6), (6, 0)], False, "a site is dark, the other is heard"),
        ([(10, 10), (2, 0)], False, "the larger site is dark, the other is heard"),
        ([(10, 10), (2, 2)], True, "both are dark"),
        ([(1, 1), (1, 1), (20, 0)], False, "two small sites of three"),
        ([(1, 1), (1, 1), (4, 2)], True, "two sites of three and more than half of the nodes"),
        ([(4, 3), (4, 3), (4, 0)], False, "half of the nodes"),
        ([(5, 3), (5, 3), (1, 0)], True, "most nodes of most sites"),
        ([(0, 0), (3, 3)], True, "a cluster without nodes is no witness"),
        ([], False, "nobody is there"),
    ],
)
def test_many_of_many_clusters_at_once(clusters: list[tuple[int, int]], expected: bool, why: str) -> None:
    assert engages(*clusters) is expected, why


def at(before: Brake, now: float, nodes: int, vanished: int) -> Brake:
    return decide(before, [Tally(nodes, vanished)], now, TERMS)


def test_it_holds_until_most_are_back_and_gives_the_rest_a_grace() -> None:
    brake = at(Brake(), 100, 12, 12)
    for now, vanished in ((110, 9), (120, 5), (130, 4)):
        brake = at(brake, now, 12, vanished)
        assert not brake.allows_loss(now)
        assert brake.engaged_at == 100
    brake = at(brake, 140, 12, 3)
    assert brake.engaged_at is None
    assert not brake.allows_loss(169.9)
    assert brake.allows_loss(170)


def test_it_gives_in_when_the_rest_has_been_heard_for_long_and_no_more_vanish() -> None:
    brake = at(Brake(), 100, 12, 8)
    brake = at(brake, 150, 12, 9)
    brake = at(brake, 449.9, 12, 9)
    assert brake.engaged_at == 100
    brake = at(brake, 450, 12, 9)
    assert brake.engaged_at is None
    assert brake.allows_loss(450)


def test_it_never_gives_in_while_nobody_is_heard() -> None:
    brake = at(Brake(), 100, 12, 12)
    brake = at(brake, 100_000, 12, 12)
    assert brake.engaged_at == 100


def test_a_person_may_release_it_and_it_is_armed_again_once_most_are_back() -> None:
    assert overrule(Brake(), 90) == Brake(), "nothing to release"
    brake = overrule(at(Brake(), 100, 12, 12), 110)
    assert brake.allows_loss(110)
    brake = at(brake, 120, 12, 12)
    assert brake.allows_loss(120), "the same nodes do not engage it again"
    brake = at(brake, 130, 12, 2)
    brake = at(brake, 140, 12, 12)
    assert brake.engaged_at == 140

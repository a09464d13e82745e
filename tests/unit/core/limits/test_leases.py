"""Four gateways share a token's limits: what all of them admit together."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from homeport.core.limits.ledger import TokenLedger
from homeport.core.limits.limits import Budget, Counted, Limits, Period
from tests.unit.core.limits.simulation import TODAY, TOKEN, Simulation


def simulation(limits: Limits, *arrivals: float, estimate: int = 0, actual: int = 0) -> Simulation:
    made = Simulation(limits, *arrivals, estimate=estimate, actual=actual)
    for member in made.members:
        made.connect(member)
    return made


@pytest.mark.parametrize("limit", [10, 60, 600])
@pytest.mark.parametrize("shape", [(1, 1, 1, 1), (4, 0, 0, 0), (3, 0.9, 0.1, 0)])
def test_demand_above_the_limit_gets_the_limit_wherever_it_arrives(limit: int, shape: tuple[float, ...]) -> None:
    held = simulation(Limits(requests_per_minute=limit), *(part * limit / 60 for part in shape))
    held.run(180)
    assert held.most_in_a_minute() <= limit
    assert len(held.admitted) >= 0.9 * 3 * limit


def test_demand_below_the_limit_is_all_admitted() -> None:
    held = simulation(Limits(requests_per_minute=600), 4, 3, 1, 0.5)
    held.run(180)
    assert held.refused == 0


def test_the_limit_moves_to_where_the_requests_are() -> None:
    held = simulation(Limits(requests_per_minute=600), 20, 0, 0, 0)
    held.run(120)
    held.members[0].arrivals, held.members[3].arrivals = 0, 20
    held.run(120)
    assert held.in_last_minute() >= 540
    assert {name for at, name in held.admitted if at > held.now - 60} == {"gateway-3"}
    assert held.most_in_a_minute() <= 600


def test_a_member_that_is_cut_off_goes_on_at_its_share_and_the_sum_holds() -> None:
    held = simulation(Limits(requests_per_minute=600), 20, 20, 20, 20)
    held.run(70)
    held.cut(held.members[0])
    held.run(120)
    alone = sum(name == "gateway-0" for at, name in held.admitted if at > held.now - 60)
    assert 100 <= alone <= 200
    assert held.in_last_minute() >= 540
    held.connect(held.members[0])
    held.run(120)
    assert held.in_last_minute() >= 540
    assert held.most_in_a_minute() <= 660


def test_a_member_that_is_cut_off_before_it_asked_has_a_small_share() -> None:
    held = simulation(Limits(requests_per_minute=600), 20, 20, 20, 0)
    held.run(70)
    held.cut(held.members[3])
    held.members[3].arrivals = 20
    held.run(120)
    assert held.most_in_a_minute() <= 660
    assert any(name == "gateway-3" for _, name in held.admitted)


def test_while_the_control_plane_is_away_all_go_on_at_their_shares() -> None:
    held = simulation(Limits(requests_per_minute=600), 20, 10, 5, 0)
    held.run(70)
    for member in held.members:
        held.cut(member)
    held.run(120)
    assert 540 <= held.in_last_minute() <= 660
    held.restart_lender()
    for member in held.members:
        held.connect(member)
    held.run(120)
    assert held.in_last_minute() >= 540
    assert held.most_in_a_minute() <= 660


def test_tokens_are_limited_by_what_they_turn_out_to_be() -> None:
    held = simulation(Limits(tokens_per_minute=60_000), 20, 20, 5, 0, estimate=100, actual=150)
    held.run(180)
    assert 0.9 * 60_000 <= len(held.admitted) * 150 / 3 <= 1.1 * 60_000


def test_concurrency_is_that_of_all_members_together() -> None:
    held = simulation(Limits(concurrent_requests=10), 20, 20, 0, 0)
    for _ in range(300):
        held.run(0.05)
        assert sum(len(member.running) for member in held.members) <= 10
    assert len(held.admitted) >= 15 * 10


def test_a_budget_ends_at_its_amount_and_a_cut_member_at_its_lease() -> None:
    held = simulation(Limits(budgets=(Budget(Counted.REQUESTS, Period.DAY, 1000),)), 20, 5, 1, 0)
    held.run(20)
    held.cut(held.members[1])
    held.run(200)
    assert 900 <= len(held.admitted) <= 1000
    held.connect(held.members[1])
    held.run(60)
    assert len(held.admitted) == 1000


def test_a_budget_that_is_raised_goes_on() -> None:
    held = simulation(Limits(budgets=(Budget(Counted.REQUESTS, Period.TOTAL, 100),)), 20, 20)
    held.run(20)
    assert len(held.admitted) == 100
    held.limits = Limits(budgets=(Budget(Counted.REQUESTS, Period.TOTAL, 150),))
    held.run(20)
    assert len(held.admitted) == 150


event = st.sampled_from(["cut", "connect", "kill", "restart", "nothing"])


@settings(max_examples=25, deadline=None)
@given(
    arrivals=st.lists(st.sampled_from([0.0, 0.5, 3.0, 20.0]), min_size=4, max_size=4),
    limit=st.sampled_from([60, 300, 600]),
    events=st.lists(st.tuples(event, st.integers(0, 3), st.integers(1, 20)), max_size=8),
)
def test_whatever_is_lost_on_the_way_the_sum_holds(
    arrivals: list[float], limit: int, events: list[tuple[str, int, int]]
) -> None:
    amount = 400
    held = simulation(
        Limits(requests_per_minute=limit, budgets=(Budget(Counted.REQUESTS, Period.DAY, amount),)), *arrivals
    )
    lost, floors = 0, limit // 10
    for what, number, seconds in events:
        member = held.members[number]
        if what == "kill":
            # What it has not reported nobody knows.
            lost += held.kill(member)
            held.connect(member)
        elif what == "restart":
            held.restart_lender()
            for each in held.members:
                held.connect(each)
        elif what == "cut":
            held.cut(member)
        elif what == "connect":
            held.connect(member)
        held.run(seconds)
    for member in held.members:
        held.connect(member)
        member.arrivals = 0
    held.run(5)
    names = [what for what, _, _ in events]
    # A lender that begins anew does not know what members used that were killed before.
    slack = lost + floors + names.count("restart") * (limit // 5 + limit * ("kill" in names))
    assert held.most_in_a_minute() <= limit + slack
    ledger = held.lender.ledgers.get(TOKEN, TokenLedger())
    counted = ledger.plain()["days"].get(TODAY, [0])[0]
    assert counted == len(held.admitted) - lost


counts = st.lists(st.integers(0, 50), min_size=3, max_size=3)


@given(st.lists(st.tuples(st.sampled_from(["a", "b"]), counts, st.booleans(), st.booleans()), max_size=30))
def test_whatever_is_said_twice_or_kept_and_read_again_is_counted_once(
    said: list[tuple[str, list[int], bool, bool]],
) -> None:
    ledger, true = TokenLedger(), [0, 0, 0]
    totals: dict[str, list[int]] = {}
    for member, used, repeats, restarts in said:
        before = totals.get(member, [0, 0, 0])
        totals[member] = [a + b for a, b in zip(before, used, strict=True)]
        true = [a + b for a, b in zip(true, used, strict=True)]
        assert ledger.take(member, "boot", {TODAY: totals[member]}) == used
        if repeats:
            assert ledger.take(member, "boot", {TODAY: totals[member]}) == [0, 0, 0]
        if restarts:
            ledger = TokenLedger(ledger.plain())
    assert ledger.plain()["days"].get(TODAY, [0, 0, 0]) == true


def test_a_day_long_ago_stays_in_the_total() -> None:
    ledger = TokenLedger()
    for number in range(100):
        ledger.take("a", "boot", {f"day-{number:03}": [1, 2, 3]})
    total = Limits(budgets=(Budget(Counted.TOKENS, Period.TOTAL, 1),)).meters[0]
    assert ledger.used(total, "day-099") == 500
    assert len(ledger.plain()["days"]) < 100
    assert TokenLedger(ledger.plain()).used(total, "day-099") == 500

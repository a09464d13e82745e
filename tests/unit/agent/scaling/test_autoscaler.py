"""The autoscaler of one node, with the traffic of a test. The policy itself is tested with homeport.core."""

from types import SimpleNamespace

from agent.placement import DesiredState, Placement, Version
from agent.scaling.autoscaler import Autoscaler, divide
from agent.scaling.floors import Floor
from homeport.core.autoscale.decision import Decision
from homeport.core.autoscale.demand import Demand, Signal, Supply
from homeport.core.autoscale.signals import Signals
from homeport.core.policy import Policy, Scaling
from homeport.core.workload import Workload
from tests.fakes.clock import FakeClock


def _placement(least: int, most: int, placement_id: str = "p", revision: int = 1) -> Placement:
    policy = Policy(Scaling(scale_down_delay_seconds=60, scale_to_zero_delay_seconds=600))
    return Placement(placement_id, "chat", revision, 0, least, most, Workload("process", concurrency=4), "h", policy)


def _state(*placements: Placement) -> DesiredState:
    return DesiredState(Version("s", 1), {p.placement_id: p for p in placements})


class Site:
    def __init__(self, running: int = 0) -> None:
        self.clock = FakeClock()
        self.demand = Demand()
        self.wanted: dict[str, int] = {}
        self.autoscaler = Autoscaler(lambda _: self.demand, lambda: {"chat": Supply(running)}, self._apply, self.clock)

    def _apply(self, desired: DesiredState, wanted: dict[str, int]) -> None:
        self.wanted = wanted

    def decide(self, *placements: Placement) -> dict[str, int]:
        self.autoscaler.set_desired(_state(*placements))
        return self.wanted


def test_the_minimum_runs_without_traffic() -> None:
    assert Site().decide(_placement(1, 3)) == {"p": 1}


def test_what_is_kept_without_traffic_is_inside_the_budget_and_says_what_keeps_it() -> None:
    clock = FakeClock()
    floors = [Floor(2, "schedule"), Floor(9, "schedule"), Floor(0, "")]
    decided: list[Decision] = []
    autoscaler = Autoscaler(
        lambda _: Demand(),
        dict,
        lambda desired, wanted: None,
        clock,
        history=SimpleNamespace(decided=lambda id, before, decision: decided.append(decision)),
        floor=lambda placements, start_seconds: floors.pop(0),
    )
    for _ in range(3):
        autoscaler.set_desired(_state(_placement(0, 3)))
    assert [(each.replicas, each.driver) for each in decided[:2]] == [(2, "schedule"), (3, "schedule")]
    assert decided[0].reason == "schedule keeps 2"
    assert decided[2].driver not in ("schedule", "min_replicas")


def test_what_cannot_be_looked_at_is_said() -> None:
    decided: list[Decision] = []
    autoscaler = Autoscaler(
        lambda _: Demand(),
        lambda: {"chat": Supply(1)},
        lambda desired, wanted: None,
        FakeClock(),
        history=SimpleNamespace(decided=lambda id, before, decision: decided.append(decision)),
        signals=lambda id, demand, supply: Signals({"cpu_percent": Signal(150, 50)}, {"gpu_percent": "no GPU"}),
    )
    autoscaler.set_desired(_state(_placement(0, 4)))
    assert (decided[0].wanted, decided[0].driver) == (3, "cpu_percent")
    assert decided[0].reason.endswith("; not looked at: gpu_percent (no GPU)")


def test_a_waiting_request_starts_one_from_zero() -> None:
    site = Site()
    assert site.decide(_placement(0, 3)) == {"p": 0}
    site.demand = Demand(queued=1, last_request_at=site.clock.now)
    assert site.decide(_placement(0, 3)) == {"p": 1}


def test_traffic_beyond_the_budget_stays_within_it() -> None:
    site = Site()
    site.demand = Demand(in_flight=100)
    assert site.decide(_placement(0, 3)) == {"p": 3}


def test_a_restarted_agent_goes_on_from_what_it_found() -> None:
    """Three ran before; without traffic they go after the delay, not because the agent forgot them."""
    site = Site(running=3)
    assert site.decide(_placement(0, 3)) == {"p": 3}
    site.clock.advance(59)
    assert site.decide(_placement(0, 3)) == {"p": 3}
    site.clock.advance(2)
    assert site.decide(_placement(0, 3)) == {"p": 1}


def test_a_lower_budget_applies_at_once() -> None:
    site = Site(running=3)
    site.decide(_placement(0, 3))
    assert site.decide(_placement(0, 1)) == {"p": 1}


def test_a_new_revision_keeps_the_count() -> None:
    site = Site(running=2)
    site.decide(_placement(0, 3))
    assert site.decide(_placement(0, 3, "q", revision=2)) == {"q": 2}


def test_a_removed_deployment_is_forgotten() -> None:
    site = Site(running=2)
    site.decide(_placement(0, 3))
    assert site.decide() == {}


def test_two_revisions_share_by_minimum_and_the_newer_takes_the_rest() -> None:
    newest_first = [_placement(1, 2, "new", 2), _placement(1, 3, "old", 1)]
    assert divide(2, newest_first) == {"new": 1, "old": 1}
    assert divide(3, newest_first) == {"new": 2, "old": 1}
    assert divide(5, newest_first) == {"new": 2, "old": 3}

from dataclasses import replace

from homeport.core.policy import Policy
from homeport.gateway.balancing.presence import PresenceTable
from homeport.gateway.routing.routes import PolicyTable, RevisionRoute, RoutePolicy
from homeport.tunnel.link import Link
from homeport.tunnel.load import DeploymentLoad
from tests.fakes.clock import FakeClock


def attached(presences: PresenceTable, node_id: str = "n1") -> Link:
    link = Link(lambda: None, node_id)
    presences.on_attach(link)
    return link


def load(link: Link) -> None:
    assert link.on_load is not None
    link.on_load(link, [DeploymentLoad("chat", 1, ("r1",), 0, 0, 4)])


def test_a_new_tunnel_is_used_once_its_agent_has_said_what_is_there() -> None:
    """Before that it may not be ready to take a request, and the one before it still is."""
    presences = PresenceTable(PolicyTable(), lambda deployment_id: None)
    old = attached(presences)
    load(old)
    new = attached(presences)
    assert presences.link("n1") is old
    load(new)
    assert presences.link("n1") is new
    presences.on_detach(new)
    assert presences.link("n1") is old


def test_no_request_goes_to_a_node_beyond_the_fence_whatever_is_placed_there() -> None:
    policies = PolicyTable()
    presences = PresenceTable(policies, lambda deployment_id: None)
    policies.on_change = presences.policy_changed
    load(attached(presences))
    route = RoutePolicy("chat", "m", placements={"n1": (0, 1, 1)}, policy=Policy(residency={"zone": "eu"}))

    def served_by(sites: dict[str, dict[str, str]]) -> list[str]:
        policies.put(replace(route, sites=sites))
        return [each.node_id for each in presences.candidates("chat")]

    assert served_by({"n1": {"zone": "eu", "tier": "1"}}) == ["n1"]
    assert served_by({"n1": {"zone": "us"}}) == []
    assert served_by({}) == [], "of a site that nobody knows nothing may be hoped"
    policies.put(replace(route, policy=Policy()))
    assert [each.node_id for each in presences.candidates("chat")] == ["n1"]


def test_a_node_whose_attempts_are_lost_one_after_the_other_steps_back_for_a_while() -> None:
    policies, clock = PolicyTable(), FakeClock()
    presences = PresenceTable(policies, lambda deployment_id: None, clock)
    policies.on_change = presences.policy_changed
    for node_id in ("n1", "n2"):
        load(attached(presences, node_id))
    policies.put(RoutePolicy("chat", "m", placements={"n1": (0, 1, 1), "n2": (1, 1, 1)}))

    def candidates() -> list[str]:
        return [each.node_id for each in presences.candidates("chat")]

    def lose(node_id: str = "n1") -> bool:
        return presences.attempt_lost("chat", node_id, clock())

    assert not lose()
    route = presences.candidates("chat")[0]
    assert route.is_doubtful
    presences.attempt_answered("chat", route, clock())
    assert not route.is_doubtful
    assert [lose(), lose(), lose()] == [False, False, True], "an answer between them begins a new row"
    assert candidates() == ["n2"]
    clock.now += 0.4
    presences.tick()
    assert candidates() == ["n2"]
    clock.now += 0.2
    presences.tick()
    assert candidates() == ["n1", "n2"], "it is tried again"
    assert lose(), "and back at once, for longer"
    clock.now += 0.9
    presences.tick()
    assert candidates() == ["n2"]
    for _ in range(3):
        lose("n2")
    assert candidates() == ["n1", "n2"], "never the last one"
    clock.now += 2.0
    presences.tick()
    for route in list(presences.candidates("chat")):
        presences.attempt_answered("chat", route, clock())
        assert not route.is_doubtful


def test_stepping_back_outlasts_the_tunnel() -> None:
    policies, clock = PolicyTable(), FakeClock()
    presences = PresenceTable(policies, lambda deployment_id: None, clock)
    policies.on_change = presences.policy_changed
    policies.put(RoutePolicy("chat", "m", placements={"n1": (0, 1, 1), "n2": (1, 1, 1)}))
    link = attached(presences)
    load(link)
    load(attached(presences, "n2"))
    for _ in range(3):
        presences.attempt_lost("chat", "n1", clock())
    presences.on_detach(link)
    load(attached(presences))
    assert [each.node_id for each in presences.candidates("chat")] == ["n2"]
    clock.now += 1.0
    presences.tick()
    assert [each.node_id for each in presences.candidates("chat")] == ["n1", "n2"]


def test_a_gateways_home_goes_first() -> None:
    policies = PolicyTable()
    presences = PresenceTable(policies, lambda deployment_id: None, distance=lambda node_id: int(node_id != "n2"))
    policies.on_change = presences.policy_changed
    for node_id in ("n1", "n2"):
        load(attached(presences, node_id))
    policies.put(RoutePolicy("chat", "m", placements={"n1": (0, 1, 1), "n2": (1, 1, 1)}))
    assert [each.node_id for each in presences.candidates("chat")] == ["n2", "n1"]


def test_a_track_is_present_from_the_policy_that_names_it_to_the_one_that_does_not() -> None:
    policies, woken = PolicyTable(), list[str]()
    presences = PresenceTable(policies, woken.append)
    policies.on_change = presences.policy_changed
    link = attached(presences)
    assert link.on_load is not None
    link.on_load(link, [DeploymentLoad(id, 1, ("r1",), 0, 0, 4) for id in ("chat", "chat@1")])
    place = {"n1": (0, 1, 1)}
    revisions = RevisionRoute("chat", 3, 90, place), RevisionRoute("chat@1", 4, 10, place)
    whole = RoutePolicy("chat", "m", placements=place, revisions=revisions)
    policies.put(whole)
    assert [len(presences.candidates(id)) for id in ("chat", "chat@1")] == [1, 1]
    policies.put(replace(whole, revisions=()))
    assert [len(presences.candidates(id)) for id in ("chat", "chat@1")] == [1, 0]
    assert set(woken) == {"chat"}, "whoever waits, waits for the deployment"

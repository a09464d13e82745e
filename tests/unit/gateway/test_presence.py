from dataclasses import replace

from homeport.core.policy import Policy
from homeport.gateway.presence import PresenceTable
from homeport.gateway.routes import PolicyTable, RoutePolicy
from homeport.tunnel.link import Link
from homeport.tunnel.load import DeploymentLoad


def attached(presences: PresenceTable) -> Link:
    link = Link(lambda: None, "n1")
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

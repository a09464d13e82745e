from homeport.gateway.presence import PresenceTable
from homeport.gateway.routes import PolicyTable
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

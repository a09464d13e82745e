"""What a site's gateways know of a route: their own nodes."""

from dataclasses import replace

from homeport.gateway.routing.routes import RevisionRoute, RoutePolicy
from homeport.gateway.routing.site_routes import within

PLACES = {"n1": (0, 1, 4), "n2": (1, 0, 2), "far": (2, 1, 1)}
ROUTE = RoutePolicy("chat", "tiny", placements=PLACES, sites={"n1": {"in": "eu"}, "far": {"in": "us"}})
SPLIT = replace(
    ROUTE, revisions=(RevisionRoute("chat", 1, 90, PLACES), RevisionRoute("chat@1", 2, 10, {"n2": (0, 1, 1)}))
)


def test_other_sites_are_left_out() -> None:
    here = within(ROUTE, {"n1", "n2", "n3"})
    assert here == replace(ROUTE, placements={"n1": (0, 1, 4), "n2": (1, 0, 2)}, sites={"n1": {"in": "eu"}})
    assert within(ROUTE, {"n3"}) is None


def test_of_each_revision_too() -> None:
    here = within(SPLIT, {"n2"})
    assert here is not None
    assert [each.placements for each in here.revisions] == [{"n2": (1, 0, 2)}, {"n2": (0, 1, 1)}]
    only_new = within(replace(SPLIT, placements={"far": (0, 1, 1)}), {"n2"})
    assert only_new is not None and only_new.placements == {}

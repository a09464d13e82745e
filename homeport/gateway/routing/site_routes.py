"""Routes as the local gateways of one site have them."""

from collections.abc import Collection
from dataclasses import replace

from homeport.gateway.routing.routes import RoutePolicy

Placements = dict[str, tuple[int, int, int]]


def within(route: RoutePolicy, nodes: Collection[str]) -> RoutePolicy | None:
    """Of these nodes alone; None where nothing of it is placed there."""
    placements = _among(route.placements, nodes)
    revisions = tuple(replace(each, placements=_among(each.placements, nodes)) for each in route.revisions)
    if not placements and not any(each.placements for each in revisions):
        return None
    sites = {node_id: labels for node_id, labels in route.sites.items() if node_id in nodes}
    return replace(route, placements=placements, revisions=revisions, sites=sites)


def _among(placements: Placements, nodes: Collection[str]) -> Placements:
    return {node_id: budget for node_id, budget in placements.items() if node_id in nodes}

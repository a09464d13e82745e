"""Which nodes can take requests now: policy says which may, tunnels and their LOAD frames say which do."""

import random
import time
from collections.abc import Callable, Iterator

from homeport.core.balance.balancer import Balancer
from homeport.core.balance.balancing import Balancing
from homeport.core.balance.latency import after_a_second
from homeport.core.balance.pick_node import in_order, seen_from
from homeport.core.rollout.track import deployment_of
from homeport.gateway.balancing.standings import NodeStandings
from homeport.gateway.routing.routes import PolicyTable
from homeport.tunnel.link import Link
from homeport.tunnel.load import DeploymentLoad
from homeport.tunnel.stream import Stream


class NodeRoute:
    """One deployment on one node. `attempts` are this gateway's own requests there."""

    __slots__ = (
        "attempts",
        "capacity",
        "is_doubtful",
        "latency_seconds",
        "max_replicas",
        "min_replicas",
        "node_id",
        "others",
        "rank",
        "ready_replicas",
    )

    def __init__(self, node_id: str) -> None:
        self.node_id = node_id
        self.rank = self.min_replicas = self.max_replicas = 0
        self.ready_replicas = self.capacity = 0
        self.attempts: set[Stream] = set()
        # Requests there that came through other gateways, as of the last LOAD.
        self.others = 0
        # To the first byte of an answer, where the deployment is balanced by that; 0 = not known.
        self.latency_seconds = 0.0
        # Attempts there were lost, and none was answered since.
        self.is_doubtful = False

    @property
    def name(self) -> str:
        return self.node_id

    @property
    def in_flight(self) -> int:
        return len(self.attempts) + self.others

    def update(self, load: DeploymentLoad) -> None:
        self.ready_replicas = len(load.ready)
        self.capacity = load.capacity
        self.others = max(0, load.in_flight + load.queued - len(self.attempts))


class PresenceTable:
    """`on_change(deployment_id)` is called when a node came or went: whoever waits may try again.
    `distance(node_id)` is 0 for nodes at home, where the gateway stands: these go before all others."""

    def __init__(
        self,
        policies: PolicyTable,
        on_change: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
        distance: Callable[[str], int] = lambda node_id: 0,
    ) -> None:
        self._policies = policies
        self._on_change = on_change
        self._clock = clock
        self.distance = distance
        # A node that reconnects is here twice until its old tunnel is found dead. The newest is used.
        self._links: dict[str, list[Link]] = {}
        # Those that have said what is there. An agent that has not may not be ready for a request yet.
        self._heard: set[Link] = set()
        self._loads: dict[str, dict[str, DeploymentLoad]] = {}
        self._routes: dict[tuple[str, str], NodeRoute] = {}
        self._ordered: dict[str, list[NodeRoute]] = {}
        self._balancers: dict[str, Balancer] = {}
        # Of deployments with revisions side by side.
        self._tracks: dict[str, frozenset[str]] = {}
        # They outlast the tunnels.
        self._standings = NodeStandings()

    def candidates(self, deployment_id: str) -> list[NodeRoute]:
        """In pick_node's order."""
        return self._ordered.get(deployment_id, [])

    def balancer(self, deployment_id: str) -> Balancer | None:
        """Of a deployment that has an algorithm or sessions of its own."""
        return self._balancers.get(deployment_id)

    def is_ready(self, deployment_id: str) -> bool:
        return any(route.ready_replicas for route in self.candidates(deployment_id))

    def nodes(self) -> set[str]:
        """Those that may be sent requests."""
        return {link.node_id for link in self._heard if not link.going_away}

    def link(self, node_id: str) -> Link | None:
        for link in reversed(self._links.get(node_id, [])):
            if link in self._heard and not link.going_away and not link.closed:
                return link
        return None

    def loads(self) -> Iterator[DeploymentLoad]:
        """What each node has said last of each of its deployments."""
        return (load for of_node in self._loads.values() for load in of_node.values())

    # ---- the tunnel server's listener

    def on_attach(self, link: Link) -> None:
        link.on_load = self._on_load
        link.on_go_away = self._on_go_away
        self._links.setdefault(link.node_id, []).append(link)

    def on_detach(self, link: Link) -> None:
        links = self._links.get(link.node_id, [])
        if link in links:
            links.remove(link)
        self._heard.discard(link)
        if not links:
            self._links.pop(link.node_id, None)
        self._on_go_away(link)

    def policy_changed(self, deployment_id: str) -> None:
        before = self._tracks.pop(deployment_id, frozenset())
        branches = self._policies.branches(deployment_id)
        if branches:
            self._tracks[deployment_id] = frozenset(branch.policy.deployment_id for branch in branches)
        for track in {deployment_id, *before, *self._tracks.get(deployment_id, ())}:
            self._arrange(track)
        self._on_change(deployment_id)

    # ---- what became of attempts

    def attempt_lost(self, deployment_id: str, node_id: str, began_at: float) -> bool:
        """Of a request that began then. True: the node steps back for a while, unless it is the last one."""
        steps_back = self._standings.lost((deployment_id, node_id), began_at, self._clock())
        route = self._routes.get((deployment_id, node_id))
        if route is not None:
            route.is_doubtful = True
        if steps_back:
            self._arrange(deployment_id)
        return steps_back

    def attempt_answered(self, deployment_id: str, route: NodeRoute, began_at: float) -> None:
        """To be told of doubtful nodes only."""
        if self._standings.answered((deployment_id, route.node_id), began_at):
            route.is_doubtful = False
            self._arrange(deployment_id)

    def tick(self) -> None:
        """Once a second."""
        for deployment_id in self._standings.back(self._clock()):
            self._arrange(deployment_id)
        for deployment_id, balancer in self._balancers.items():
            if balancer.compares_latency:
                for route in self.candidates(deployment_id):
                    route.latency_seconds = after_a_second(route.latency_seconds)

    # ----

    def _on_go_away(self, link: Link) -> None:
        if self.link(link.node_id) is None:
            gone = self._loads.pop(link.node_id, {})
            for deployment_id in gone:
                self._routes.pop((deployment_id, link.node_id), None)
                self._arrange(deployment_id)

    def _on_load(self, link: Link, loads: list[DeploymentLoad]) -> None:
        self._heard.add(link)
        if link is not self.link(link.node_id):
            return
        before = self._loads.get(link.node_id, {})
        after = self._loads[link.node_id] = {load.deployment_id: load for load in loads}
        for load in loads:
            route = self._routes.get((load.deployment_id, link.node_id))
            if route is not None:
                route.update(load)
        for deployment_id in before.keys() ^ after.keys():
            if deployment_id in before:
                self._routes.pop((deployment_id, link.node_id), None)
            self._arrange(deployment_id)
            if deployment_id in after:
                self._on_change(deployment_of(deployment_id))

    def _arrange(self, deployment_id: str) -> None:
        policy = self._policies.get(deployment_id)
        self._balance(deployment_id, policy.policy.balancing if policy is not None else None)
        routes: list[NodeRoute] = []
        for node_id, terms in policy.placements.items() if policy is not None else ():
            load = self._loads.get(node_id, {}).get(deployment_id)
            if load is None or policy is None or not policy.may_serve(node_id):
                continue
            route = self._routes.get((deployment_id, node_id))
            if route is None:
                route = self._routes[deployment_id, node_id] = NodeRoute(node_id)
                route.is_doubtful = (deployment_id, node_id) in self._standings
            route.rank, route.min_replicas, route.max_replicas = seen_from(self.distance(node_id), *terms)
            route.update(load)
            routes.append(route)
        if routes:
            sound = [route for route in routes if not self._standings.is_out((deployment_id, route.node_id))]
            self._ordered[deployment_id] = in_order(sound or routes)
        else:
            self._ordered.pop(deployment_id, None)

    def _balance(self, deployment_id: str, balancing: Balancing | None) -> None:
        if balancing is None:
            self._balancers.pop(deployment_id, None)
        elif deployment_id not in self._balancers or self._balancers[deployment_id].balancing != balancing:
            self._balancers[deployment_id] = Balancer(balancing, random.random)

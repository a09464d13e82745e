"""The deployments that this node relays to, and their requests."""

import asyncio
from collections.abc import Callable, Iterator, Sequence

from agent.relay.deployment import DeploymentRelay, Upstream
from agent.relay.hop_clock import HopClock
from agent.relay.http2_request import Http2Request
from agent.relay.load_reporter import LoadReporter
from agent.relay.request import RelayedRequest
from agent.relay.served import ServedDeployment
from agent.relay.upgrade import RelayedUpgrade
from homeport.core.autoscale.demand import Demand
from homeport.core.balance.ejection import Failure
from homeport.core.history.cold_start import StartParts
from homeport.core.waiting import Outlook
from homeport.tunnel.frames import Refusal, RefusedCode
from homeport.tunnel.link import Link
from homeport.tunnel.load import DeploymentLoad
from homeport.tunnel.opening import Opening


class Relay:
    """Use it on one event loop. `on_demand(deployment_id)` is called, once per turn, when a request starts to wait;
    `outlook(deployment_id)` is asked when somebody wants to know how long."""

    def __init__(
        self, monotonic: Callable[[], float], outlook: Callable[[str], Outlook] = lambda deployment_id: Outlook()
    ) -> None:
        self.on_demand: Callable[[str], None] | None = None
        # Called with deployment and replica when requests have shown that it is to get none for a while.
        self.on_ejected: Callable[[str, str, Failure], None] | None = None
        # Called when the first deployment came or the last one went.
        self.on_needed: Callable[[], None] | None = None
        self.draining = False
        self._monotonic = monotonic
        self._outlook = outlook
        self._deployments: dict[str, ServedDeployment] = {}
        self._links: set[Link] = set()
        self._reporter = LoadReporter(self._loads, lambda: self._links)
        self._waiting: set[str] = set()

    # ---- the agent's side

    def set_deployment(self, deployment: DeploymentRelay) -> None:
        served = self._deployments.get(deployment.deployment_id)
        if served is not None:
            served.set_terms(deployment)
            return
        self._deployments[deployment.deployment_id] = ServedDeployment(
            deployment, self._monotonic, self._outlook, self._on_wait, self._reporter.changed, self._note_ejected
        )
        self._reporter.changed(urgent=True)
        self._notify_needed()

    def remove_deployment(self, deployment_id: str) -> None:
        served = self._deployments.pop(deployment_id, None)
        if served is not None:
            served.close("the deployment has left this node")
            self._notify_needed()

    def set_upstreams(self, deployment_id: str, upstreams: Sequence[Upstream]) -> None:
        """The replicas that are ready now. What is in flight on one that is no longer listed may finish."""
        served = self._deployments.get(deployment_id)
        if served is not None:
            served.set_upstreams(upstreams)

    async def drain_upstream(self, deployment_id: str, replica_id: str) -> None:
        """The replica takes nothing new; ends when nothing is in flight on it."""
        served = self._deployments.get(deployment_id)
        if served is not None:
            await served.drain(replica_id)

    def demand(self, deployment_id: str) -> Demand:
        served = self._deployments.get(deployment_id)
        return served.demand() if served is not None else Demand()

    def waited(self, deployment_id: str) -> StartParts:
        served = self._deployments.get(deployment_id)
        return served.waited() if served is not None else StartParts()

    def demands(self) -> Iterator[tuple[str, Demand]]:
        """Of each deployment."""
        return ((key, served.demand()) for key, served in self._deployments.items())

    def in_flight_on(self, deployment_id: str, replica_id: str) -> int:
        served = self._deployments.get(deployment_id)
        return served.in_flight_on(replica_id) if served is not None else 0

    def unavailable_reason(self, deployment_id: str, text: str) -> None:
        """Why nothing is ready, for the clients that wait in vain; empty when there is no reason."""
        served = self._deployments.get(deployment_id)
        if served is not None:
            served.reason = text

    # ---- the tunnels' side

    @property
    def needed(self) -> bool:
        """There is something to attach for."""
        return bool(self._deployments)

    @property
    def attached(self) -> bool:
        """Some gateway can send it something."""
        return bool(self._links)

    @property
    def link_count(self) -> int:
        return len(self._links)

    @property
    def in_flight(self) -> int:
        return sum(len(link.streams) for link in self._links)

    def add_link(self, link: Link) -> None:
        link.on_open = self._on_open
        self._links.add(link)
        self._reporter.changed(urgent=True)

    def remove_link(self, link: Link) -> None:
        self._links.discard(link)

    def go_away(self) -> None:
        """No new requests, on any tunnel."""
        self.draining = True
        for link in self._links:
            link.send_go_away()

    def tick(self) -> None:
        """Once a second while attached."""
        for served in self._deployments.values():
            served.tick()
        self._reporter.report()

    # ----

    def _on_open(self, link: Link, request_id: int, opening: Opening, last: bool) -> None:
        kind = RelayedRequest
        if opening.upgrade or opening.http2:
            kind = RelayedUpgrade if opening.upgrade else Http2Request
        request = kind(link, request_id, opening)
        link.streams[request_id] = request
        if opening.wants_timing:
            request.hop_clock = HopClock(self._monotonic)
        served = self._deployments.get(opening.deployment_id)
        if self.draining:
            request.refuse(Refusal(RefusedCode.DRAINING, 1, "the node's agent is stopping"))
        elif served is None:
            reason = "the deployment is not on this node"
            request.refuse(Refusal(RefusedCode.UNKNOWN_DEPLOYMENT, 1, reason))
        else:
            served.accept(request)

    def _on_wait(self, deployment_id: str) -> None:
        if not self._waiting:
            asyncio.get_running_loop().call_soon(self._tell_demand)
        self._waiting.add(deployment_id)

    def _note_ejected(self, deployment_id: str, replica_id: str, failure: Failure) -> None:
        if self.on_ejected is not None:
            self.on_ejected(deployment_id, replica_id, failure)

    def _tell_demand(self) -> None:
        waiting, self._waiting = self._waiting, set()
        for deployment_id in waiting:
            if self.on_demand is not None:
                self.on_demand(deployment_id)

    def _loads(self) -> list[DeploymentLoad]:
        return [served.load() for served in self._deployments.values()]

    def _notify_needed(self) -> None:
        if self.on_needed is not None:
            self.on_needed()

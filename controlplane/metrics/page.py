"""The whole page: facts are gathered on the event loop, and become text beside it."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain

from prometheus_client import ProcessCollector

from controlplane.history.tally import DeploymentTally, HistoryTally
from controlplane.metrics.fleet import FleetCounts
from controlplane.metrics.fleet_metrics import fleet_metrics
from controlplane.metrics.history_metrics import history_metrics
from controlplane.metrics.server_metrics import ServerFacts, server_metrics
from homeport.gateway.telemetry.gateway_metrics import gateway_metrics
from homeport.gateway.telemetry.report import GatewayReport
from homeport.metrics.families import Metric
from homeport.metrics.text import page_of


@dataclass(slots=True)
class Facts:
    """What a page is made of. No dictionary in it is one that somebody goes on changing."""

    fleet: FleetCounts = field(default_factory=FleetCounts)
    gateways: Sequence[GatewayReport] = ()
    history: dict[str, DeploymentTally] = field(default_factory=dict)
    server: ServerFacts = field(default_factory=ServerFacts)


@dataclass(slots=True)
class Sources:
    """Of what the API does not know by itself."""

    reports: Callable[[], Sequence[GatewayReport]] = tuple
    tally: HistoryTally = field(default_factory=HistoryTally)
    server: Callable[[], ServerFacts] = ServerFacts

    def facts(self, fleet: FleetCounts) -> Facts:
        self.tally.keep_only(fleet.deployment_ids)
        gateways = [replace(report, deployments=dict(report.deployments)) for report in self.reports()]
        history = {
            deployment_id: replace(tally, changes=tally.changes.copy(), ejections=tally.ejections.copy())
            for deployment_id, tally in self.tally.deployments.items()
        }
        return Facts(fleet, gateways, history, self.server())


def metrics(facts: Facts) -> Iterable[Metric]:
    yield from gateway_metrics(facts.gateways, facts.fleet.deployment_ids)
    yield from history_metrics(facts.history)
    yield from fleet_metrics(facts.fleet)
    yield from server_metrics(facts.server)


async def page(facts: Facts) -> bytes:
    """In Prometheus' text format. A large fleet's takes long: others go on meanwhile."""
    return await asyncio.to_thread(_text, facts)


def _text(facts: Facts) -> bytes:
    return page_of(chain(metrics(facts), ProcessCollector(registry=None).collect()))

"""What gateways have counted, on its way to the metrics page.

A gateway tells all of it when it has connected, and then what has changed; once its connection has ended nothing is
shown of it any more. Its numbers go on from where they were, however often the control plane starts anew.
"""

import asyncio
from collections.abc import Callable, Collection, Iterator
from itertools import islice
from typing import Any

from controlplane.gateway.fed_worker import FedWorker
from controlplane.gateway.tellers import Say
from homeport.core import canonical
from homeport.gateway.gateway import Gateway
from homeport.gateway.telemetry.counters import DeploymentCounters
from homeport.gateway.telemetry.report import (
    AtNodes,
    GatewayReport,
    ProcessFacts,
    at_nodes,
    changed_since,
    process_facts,
)

_SECONDS = 2.0
# Deployments.
_PER_MESSAGE = 50


class Reporting:
    """The gateway's side."""

    def __init__(self, gateway: Gateway, seconds: float = _SECONDS) -> None:
        self._gateway = gateway
        self._seconds = seconds
        self._told: dict[str, tuple[float, ...]] = {}

    def forget(self) -> None:
        """Somebody else hears it from now on: all of it is told again."""
        self._told = {}

    async def tell(self, say: Say) -> None:
        self.forget()
        while True:
            for message in untold(self._gateway, self._told):
                await say({"counted": message})
                # Relaying goes on between two of them.
                await asyncio.sleep(0)
            await asyncio.sleep(self._seconds)


def untold(gateway: Gateway, told: dict[str, tuple[float, ...]]) -> Iterator[dict[str, Any]]:
    """Messages of what has not been told yet, so that it is `told`."""
    gateway.counters.keep_only(policy.deployment_id for policy in gateway.policies)
    yield canonical.to_plain({"process": process_facts(gateway), "at_nodes": at_nodes(gateway)})
    changed = changed_since(told, gateway)
    while deployments := dict(islice(changed, _PER_MESSAGE)):
        yield canonical.to_plain({"deployments": deployments})


class GatewayReports:
    """The control plane's side. `connected` gives those whose reports are still true."""

    def __init__(self, connected: Callable[[], Collection[FedWorker]]) -> None:
        self._connected = connected
        self._reports: dict[FedWorker, GatewayReport] = {}

    def hear(self, worker: FedWorker, plain: dict[str, Any]) -> None:
        """Takes in one of the messages of `untold`."""
        report = self._reports.setdefault(worker, GatewayReport(worker.id))
        if "process" in plain:
            report.process = canonical.from_plain(ProcessFacts, plain["process"])
            report.at_nodes = canonical.from_plain(dict[str, AtNodes], plain["at_nodes"])
        for deployment_id, counters in plain.get("deployments", {}).items():
            report.deployments[deployment_id] = canonical.from_plain(DeploymentCounters, counters)

    def all(self) -> list[GatewayReport]:
        """One of each gateway: the newest, where an older connection of it has not been noticed to be over."""
        connected = self._connected()
        self._reports = {worker: report for worker, report in self._reports.items() if worker in connected}
        return list({report.gateway: report for report in self._reports.values()}.values())

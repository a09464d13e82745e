"""What gateways count reaches the control plane whole, and outlives a connection to it."""

import json
from typing import Any

from controlplane.gateway.fed_worker import FedWorker
from controlplane.gateway.reports import GatewayReports, untold
from homeport.core import canonical
from homeport.gateway.routing.routes import RoutePolicy
from homeport.gateway.telemetry.report import report_of
from tests.fakes.data_plane import DataPlane
from tests.fakes.model_server import ModelServer

Told = dict[str, tuple[float, ...]]


def take(plane: DataPlane, told: Told) -> list[dict[str, Any]]:
    """As it comes over a connection."""
    return [json.loads(json.dumps(message)) for message in untold(plane.gateway, told)]


def deployments_in(messages: list[dict[str, Any]]) -> set[str]:
    return {name for message in messages for name in message.get("deployments", {})}


async def test_all_is_told_at_first_and_then_what_has_changed() -> None:
    async with DataPlane() as plane:
        await plane.serve(ModelServer())
        plane.table.put(RoutePolicy("search", "bge"))
        plane.gateway.counters.of("search").resends += 1
        client = await plane.connect()
        await client.ask("POST", "/d/chat/x", b"hello")
        worker, told = FedWorker({"worker": "gateway-0"}), Told()
        reports = GatewayReports(lambda: {worker})

        def tell() -> set[str]:
            messages = take(plane, told)
            for message in messages:
                reports.hear(worker, message)
            return deployments_in(messages)

        assert tell() == {"chat", "search"}
        [report] = reports.all()
        assert report.gateway == "gateway-0"
        assert report.deployments["chat"].answered == [0, 0, 1, 0, 0, 0]
        assert (report.process.tunnels, report.process.connections) == (1, 1)
        assert report.process.memory_bytes > 1 << 20
        assert (report.at_nodes["chat"].capacity, report.at_nodes["chat"].queued) == (4, 0)
        assert tell() == set()
        await client.ask("POST", "/d/chat/x", b"hello")
        assert tell() == {"chat"}
        plane.gateway.counters.of("search").parked += 1
        assert tell() == {"search"}
        [heard] = reports.all()
        now = canonical.to_plain(report_of(plane.gateway, "gateway-0").deployments)
        assert canonical.to_plain(heard.deployments) == now
        # On another connection all of it is told again.
        assert deployments_in(take(plane, Told())) == {"chat", "search"}
        plane.table.remove("search")
        assert deployments_in(take(plane, Told())) == {"chat"}


async def test_many_deployments_are_told_in_several_messages() -> None:
    async with DataPlane() as plane:
        names = {f"model-{number}" for number in range(220)}
        for name in names:
            plane.table.put(RoutePolicy(name, "tiny"))
            plane.gateway.counters.of(name)
        messages = take(plane, Told())
        assert deployments_in(messages) == names
        assert len(messages) == 1 + 5


def test_of_a_gateway_that_left_nothing_is_shown() -> None:
    old, new, other = (FedWorker({"worker": id}) for id in ("gateway-0", "gateway-0", "gateway-1"))
    connected = {old, new, other}
    reports = GatewayReports(lambda: connected)
    reports.hear(old, {"deployments": {"chat": {"retries": 1}}})
    reports.hear(other, {"deployments": {}})
    # It is back before its old connection was noticed to be over.
    reports.hear(new, {"deployments": {"chat": {"retries": 2}}})
    found = {report.gateway: report for report in reports.all()}
    assert found.keys() == {"gateway-0", "gateway-1"}
    assert found["gateway-0"].deployments["chat"].retries == 2
    connected -= {old, other}
    assert [report.gateway for report in reports.all()] == ["gateway-0"]
    connected -= {new}
    assert reports.all() == []

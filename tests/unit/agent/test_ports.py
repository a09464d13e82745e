"""Which ports a replica gets, what it is told of them, and which of them are asked whether it is ready."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from agent.drivers.driver import Handle, Labels, StartRefused, StartRequest
from agent.drivers.process.driver import ProcessDriver
from agent.drivers.process.environment import Marks, environment_of, marks_of
from agent.reconcile.ports import NO_PORTS, Ports, fixed_ports, pick_ports
from agent.reconcile.prober import Prober
from agent.reconcile.request import start_request
from agent.state.journal import ReplicaRecord
from homeport.core.workload import Probe, ProbeKind, Workload
from homeport.http2.endpoint import Endpoint
from homeport.http2.terms import CLIENT
from tests.fakes.model_server import ModelServer

TRITON = Workload(
    "docker", image="triton", command=("serve", "{host}:{port}", "{grpc_port}"), port=8000, grpc_port=8001
)
PATIENCE = 60.0


def record(workload: Workload) -> ReplicaRecord:
    return ReplicaRecord("r", "p", "chat", 1, "hash", workload, number=1)


@asynccontextmanager
async def http2_server() -> AsyncIterator[int]:
    server = await asyncio.get_running_loop().create_server(
        lambda: Endpoint(on_stream=lambda *_: None, terms=CLIENT), "127.0.0.1", 0
    )
    async with server:
        yield server.sockets[0].getsockname()[1]


def test_free_ones_differ_and_none_is_one_of_another() -> None:
    first = pick_ports(Workload("process", grpc_port=0), frozenset())
    again = pick_ports(Workload("process", grpc_port=0), frozenset(first.known))
    assert len({*first.known, *again.known}) == 4
    assert pick_ports(Workload("process"), frozenset()).grpc_port == 0


def test_one_that_it_must_have_is_refused_where_it_is_taken_and_the_field_is_named() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(StartRefused, match=rf"port {port} .* write `grpc_port: 0`"):
            pick_ports(Workload("process", grpc_port=port), frozenset())
        with pytest.raises(StartRefused, match=rf"port {port} .* write `port: 0`"):
            pick_ports(Workload("process", port=port), frozenset())


def test_a_container_has_fixed_ports_inside_alone() -> None:
    assert fixed_ports(TRITON) == NO_PORTS
    assert fixed_ports(replace(TRITON, driver="process")) == Ports(8000, 8001)
    request = start_request(record(TRITON), "127.0.0.1", Ports(31_000, 31_001))
    assert request.command == ("serve", "0.0.0.0:8000", "8001")
    assert (request.port, request.container_port) == (31_000, 8000)
    assert (request.grpc_port, request.container_grpc_port) == (31_001, 8001)


def test_a_process_is_told_in_command_and_environment_and_known_again_by_it() -> None:
    workload = replace(TRITON, driver="process", port=0, grpc_port=0)
    request = start_request(record(workload), "127.0.0.1", Ports(31_000, 31_001))
    assert request.command == ("serve", "127.0.0.1:31000", "31001")
    environment = environment_of(request, "n-1")
    assert (environment["PORT"], environment["GRPC_PORT"]) == ("31000", "31001")
    assert marks_of(environment, "n-1") == Marks(request.labels, "127.0.0.1", 31_000, 31_001)


def test_a_variable_of_the_models_own_is_no_port_of_ours() -> None:
    request = StartRequest(Labels("r", "chat"), ("serve",), {"GRPC_PORT": "9000"}, "", "", "127.0.0.1", 31_000)
    environment = environment_of(request, "n-1")
    assert environment["GRPC_PORT"] == "9000"
    assert marks_of(environment, "n-1") == Marks(request.labels, "127.0.0.1", 31_000)


@pytest.mark.parametrize("kind", [ProbeKind.HTTP, ProbeKind.TCP])
async def test_it_is_ready_when_both_of_its_ports_are(kind: ProbeKind, tmp_path: object) -> None:
    model = ModelServer()
    await model.start()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        closed = free.getsockname()[1]

    def prober(grpc_port: int) -> Prober:
        workload = Workload("process", grpc_port=0, readiness=Probe(kind, path="/", timeout_seconds=PATIENCE))
        handle = Handle("process", 1, "127.0.0.1", model.port, grpc_port=grpc_port)
        return Prober(ProcessDriver(tmp_path, "n-1"), record(workload), handle)  # type: ignore[arg-type]

    try:
        assert await prober(0).is_ready() == ""
        assert await prober(closed).is_ready() == "grpc_port: nothing listens on its port yet"
        assert await prober(model.port).is_ready() == "grpc_port: does not speak HTTP/2"
        async with http2_server() as port:
            assert await prober(port).is_ready() == ""
    finally:
        await model.close()

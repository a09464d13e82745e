"""Asks a replica a probe's question."""

from collections.abc import Callable

from agent.drivers.driver import Driver, Handle, SelfProbing
from agent.reconcile.exec_probe import probe_exec
from agent.reconcile.grpc_probe import probe_grpc
from agent.reconcile.http2_probe import probe_http2
from agent.reconcile.http_probe import probe_http
from agent.reconcile.request import filled_probe
from agent.reconcile.tcp_probe import probe_tcp
from agent.state.journal import ReplicaRecord
from homeport.core.workload import Probe, ProbeKind


class Prober:
    """Answers are empty for a success, else what was wrong; None = nobody can tell. `answered` is called when a
    question over HTTP or gRPC was answered at all."""

    def __init__(
        self,
        driver: Driver,
        record: ReplicaRecord,
        handle: Handle,
        answered: Callable[[], None] = lambda: None,
    ) -> None:
        self._driver = driver
        self._handle = handle
        self._answered = answered
        self._readiness = filled_probe(record.workload.readiness, record, handle)
        liveness = record.workload.liveness
        self._liveness = filled_probe(liveness, record, handle) if liveness else None

    async def is_ready(self) -> str | None:
        if isinstance(self._driver, SelfProbing):
            return "" if self._driver.is_ready(self._handle) else "is starting"
        problem = await self._ask(self._readiness)
        return await self._ask_other_port() if problem == "" else problem

    async def is_alive(self) -> str | None:
        if isinstance(self._driver, SelfProbing):
            return "" if self._driver.is_alive(self._handle) else "hangs"
        return await self._ask(self._liveness) if self._liveness else ""

    async def _ask(self, probe: Probe) -> str | None:
        match probe.kind:
            case ProbeKind.HTTP:
                host, port = self._handle.host, self._handle.port
                return await probe_http(host, port, probe.path, probe.timeout_seconds, self._answered)
            case ProbeKind.TCP:
                return await probe_tcp(self._handle.host, self._handle.port, probe.timeout_seconds)
            case ProbeKind.GRPC:
                host, port = self._handle.host, self._handle.grpc_port or self._handle.port
                return await probe_grpc(host, port, probe.timeout_seconds, self._answered)
            case ProbeKind.EXEC:
                return await probe_exec(self._driver, self._handle, probe.command, probe.timeout_seconds)

    async def _ask_other_port(self) -> str:
        """It serves on both, so the one that the probe leaves out has to listen, too."""
        handle, timeout = self._handle, self._readiness.timeout_seconds
        if not handle.grpc_port:
            return ""
        if self._readiness.kind is ProbeKind.GRPC:
            return await probe_tcp(handle.host, handle.port, timeout)
        problem = await probe_http2(handle.host, handle.grpc_port, timeout)
        return f"grpc_port: {problem}" if problem else ""

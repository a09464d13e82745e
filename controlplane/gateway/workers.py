"""The workers of one gateway: taken over from an earlier run, started, replaced when they end, renewed one by one.

All take their clients from one listening socket, so that a client who waits at it loses nothing when a worker goes. The
tunnel port they share by SO_REUSEPORT, which deals dials out evenly. When this program is killed its workers go on, and
give the listening socket to the next one, which finds them by their pid files.
"""

import asyncio
import contextlib
import os
import socket
from collections.abc import Awaitable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog

from controlplane.gateway.fed_worker import FedWorker
from controlplane.gateway.feed import GatewayFeed
from controlplane.gateway.process import GatewayTerms, WorkerProcesses, end_of, release, retire, stop
from controlplane.ports import reserve, reserve_shared
from homeport.core.errors import ErrorCode, HomeportError
from homeport.core.gateway_workers import Retire, StartOne, WorkerFacts, free_id, next_step

log = structlog.get_logger()

_START_SECONDS = 60.0
_START_LOOK_SECONDS = 0.02
_TAKE_OVER_SECONDS = 10.0
# For so long a new worker waits for the tunnels that others have.
_COVER_SECONDS = 15.0
_COVER_LOOK_SECONDS = 0.2
_RESTART_SECONDS = 1.0
_LONGEST_RESTART_SECONDS = 30.0


@dataclass(eq=False, slots=True)
class _Worker:
    """`fed` while it is connected to the feed. `listening_since`: nodes can attach to it, by the loop's clock."""

    id: str
    pid: int
    watch: "asyncio.Task[None] | None" = None
    fits: bool = True
    serving: bool = False
    retiring: bool = False
    asked_to_serve: bool = False
    listening_since: float | None = None
    fed: FedWorker | None = None


class GatewayWorkers:
    """Use as start, run, end. `found`: some relayed before this start."""

    def __init__(self, terms: GatewayTerms, feed: GatewayFeed, socket_path: Path, folder: Path, wanted: int) -> None:
        self._terms = terms
        self._feed = feed
        self._processes = WorkerProcesses(terms, socket_path, folder)
        self._wanted = wanted
        self._workers: dict[str, _Worker] = {}
        self._changed = asyncio.Event()
        self._problem: HomeportError | None = None
        self._failures = 0
        self._restart_at = 0.0
        self._keeping: asyncio.Task[None] | None = None
        self._listener: socket.socket | None = None
        self._tunnel_port: socket.socket | None = None
        self.found = False
        feed.on_come = self._come
        feed.on_gone.append(self._gone)
        feed.hearers |= {
            "listening": self._heard_listening,
            "serving": self._heard_serving,
            "nodes": lambda fed, change: fed.note_nodes(*change),
        }
        feed.greetings.append(lambda _: {"workers": self._ids()})

    async def start(self) -> tuple[int, int]:
        """(tunnel port, gateway port), once a worker serves; others follow. Raises HomeportError."""
        await self._take_over()
        self._listener = self._listener or reserve(self._terms.host, self._terms.gateway_port, "--gateway-port")
        self.found = any(worker.serving for worker in self._workers.values())
        if self._tunnel_port is None:
            self._tunnel_port = reserve_shared(self._terms.agent_host, self._terms.tunnel_port, "--tunnel-port")
        self._keeping = asyncio.create_task(self._keep(), name="keep-gateway-workers")
        if not self.found:
            await self._one_serves()
        return self._tunnel_port.getsockname()[1], self._listener.getsockname()[1]

    async def run(self) -> None:
        """Until cancelled."""
        if self._keeping is not None:
            await asyncio.shield(self._keeping)

    def shown(self) -> list[dict[str, Any]]:
        """As the API shows them."""
        return [_shown(worker) for _, worker in sorted(self._workers.items())]

    def scale(self, wanted: int) -> None:
        self._wanted = wanted
        self._changed.set()

    async def end(self, *, leave: bool) -> None:
        """With `leave` the workers go on, for the next program."""
        if self._keeping is not None:
            self._keeping.cancel()
        workers = list(self._workers.values())
        for worker in workers:
            if worker.watch is not None:
                worker.watch.cancel()
        if not leave:
            await asyncio.gather(*(stop(worker.pid) for worker in workers))
            for worker in workers:
                self._processes.forget(worker.id)
        for held in (self._listener, self._tunnel_port):
            if held is not None:
                held.close()

    # ---- what the feed tells

    def _come(self, fed: FedWorker) -> None:
        worker = self._workers.get(fed.id)
        if worker is None or worker.pid != fed.hello.get("pid"):
            return
        worker.fed = fed
        worker.asked_to_serve = False
        worker.fits = fed.hello.get("release") == release()
        worker.serving, worker.retiring = bool(fed.hello.get("serving")), bool(fed.hello.get("retiring"))
        if fed.hello.get("listening"):
            worker.listening_since = asyncio.get_running_loop().time()
        self._changed.set()

    def _gone(self, fed: FedWorker) -> None:
        worker = self._workers.get(fed.id)
        if worker is not None and worker.fed is fed:
            worker.fed = None

    def _heard_listening(self, fed: FedWorker, said: dict[str, Any]) -> None:
        worker = self._workers.get(fed.id)
        if worker is None or worker.fed is not fed:
            return
        if "error" in said:
            log.error("a gateway worker cannot serve", worker=fed.id, error=said["error"])
            self._problem = HomeportError(ErrorCode.UNAVAILABLE, said["error"], hint=said.get("hint", ""))
        elif worker.listening_since is None:
            worker.listening_since = asyncio.get_running_loop().time()
            self._tell_ids()
        self._changed.set()

    def _heard_serving(self, fed: FedWorker, _: Any) -> None:
        worker = self._workers.get(fed.id)
        if worker is not None and worker.fed is fed:
            worker.serving = True
            self._failures = 0
            log.info("gateway worker serves", worker=fed.id)
            self._changed.set()

    def _ids(self) -> list[str]:
        """Of those that nodes should have a tunnel to."""
        living = self._workers.values()
        return sorted(each.id for each in living if each.listening_since is not None and not each.retiring)

    def _tell_ids(self) -> None:
        self._feed.tell_all({"workers": self._ids()})

    # ---- what is done about it

    async def _take_over(self) -> None:
        """Those of an earlier run that are reached where we want to be are ours now; others end."""
        for worker_id, pid in self._processes.survivors().items():
            self._add(_Worker(worker_id, pid))
        if not self._workers:
            return
        for fed in list(self._feed.workers):
            self._come(fed)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_TAKE_OVER_SECONDS):
                while any(worker.fed is None for worker in self._workers.values()):
                    self._changed.clear()
                    await self._changed.wait()
        ending: list[Awaitable[None]] = []
        for worker in list(self._workers.values()):
            hello, listener = (worker.fed.hello, worker.fed.listener) if worker.fed else ({}, None)
            if hello.get("terms") != self._terms.text() or listener is None:
                log.info("a gateway worker of an earlier run does not fit and ends", worker=worker.id, pid=worker.pid)
                ending.append(self._stop(worker))
                continue
            log.info("gateway worker taken over", worker=worker.id, pid=worker.pid, retiring=worker.retiring)
            if self._listener is None and not worker.retiring:
                self._listener = socket.socket(fileno=os.dup(listener))
                self._tunnel_port = _shared_with(self._terms.agent_host, hello["tunnel_port"])
        await asyncio.gather(*ending)

    async def _keep(self) -> None:
        while True:
            self._changed.clear()
            waits = self._let_serve()
            living = [worker for worker in self._workers.values() if not worker.retiring]
            step = next_step([WorkerFacts(each.id, each.fits, each.serving) for each in living], self._wanted)
            now = asyncio.get_running_loop().time()
            if isinstance(step, Retire):
                self._retire(self._workers[step.id])
                continue
            if isinstance(step, StartOne) and now >= self._restart_at:
                self._start_one()
                continue
            pause = _COVER_LOOK_SECONDS if waits else None
            if isinstance(step, StartOne):
                pause = min(pause or self._restart_at - now, self._restart_at - now)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._changed.wait()

    def _let_serve(self) -> bool:
        """Asks workers to take clients in once they have the tunnels that the others have. True while one waits."""
        now = asyncio.get_running_loop().time()
        waits = False
        for worker in self._workers.values():
            if worker.serving or worker.retiring or worker.asked_to_serve or worker.fed is None:
                continue
            if worker.listening_since is None:
                continue
            if self._tunnels_of_others() <= worker.fed.nodes or now - worker.listening_since > _COVER_SECONDS:
                worker.asked_to_serve = True
                worker.fed.send({"serve": True})
            else:
                waits = True
        return waits

    def _tunnels_of_others(self) -> set[str]:
        serving = [each for each in self._workers.values() if each.serving and not each.retiring and each.fed]
        return set().union(*(each.fed.nodes for each in serving if each.fed is not None))

    def _start_one(self) -> None:
        assert self._listener is not None
        assert self._tunnel_port is not None
        worker_id = free_id(self._terms.name, list(self._workers))
        pid = self._processes.start(worker_id, self._listener, self._tunnel_port.getsockname()[1])
        log.info("gateway worker started", worker=worker_id, pid=pid)
        self._add(_Worker(worker_id, pid))

    def _retire(self, worker: _Worker) -> None:
        log.info("gateway worker retires", worker=worker.id, pid=worker.pid)
        worker.retiring = True
        self._tell_ids()
        retire(worker.pid)

    def _add(self, worker: _Worker) -> None:
        self._workers[worker.id] = worker
        worker.watch = asyncio.create_task(self._watch(worker), name=f"watch-{worker.id}")

    async def _watch(self, worker: _Worker) -> None:
        await end_of(worker.pid)
        self._remove(worker)
        if worker.retiring:
            log.info("gateway worker ended", worker=worker.id)
            return
        log.error("a gateway worker ended; another is started", worker=worker.id, pid=worker.pid)
        if not worker.serving:
            self._failures += 1
            wait = min(_RESTART_SECONDS * 2 ** (self._failures - 1), _LONGEST_RESTART_SECONDS)
            self._restart_at = asyncio.get_running_loop().time() + wait

    def _remove(self, worker: _Worker) -> None:
        if self._workers.get(worker.id) is worker:
            del self._workers[worker.id]
            self._processes.forget(worker.id)
            self._tell_ids()
            self._changed.set()

    async def _stop(self, worker: _Worker) -> None:
        if worker.watch is not None:
            worker.watch.cancel()
        await stop(worker.pid)
        self._remove(worker)

    async def _one_serves(self) -> None:
        """Raises HomeportError, with no worker left."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_START_SECONDS):
                while self._problem is None:
                    if any(worker.serving for worker in self._workers.values()):
                        return
                    await asyncio.sleep(_START_LOOK_SECONDS)
        await self.end(leave=False)
        raise self._problem or HomeportError(
            ErrorCode.UNAVAILABLE, "the gateway did not listen in time", hint="the log says why"
        )


def _shown(worker: _Worker) -> dict[str, Any]:
    hello = worker.fed.hello if worker.fed else {}
    state = "retiring" if worker.retiring else "serving" if worker.serving else "starting"
    return {
        "id": worker.id,
        "pid": worker.pid,
        "state": state,
        "version": next(iter(hello.get("release", ())), ""),
        "nodes": len(worker.fed.nodes) if worker.fed else 0,
    }


def _shared_with(host: str, port: int) -> socket.socket:
    """The tunnel port that our workers have already."""
    return reserve_shared(host, port, "--tunnel-port", taken_by_us=True)

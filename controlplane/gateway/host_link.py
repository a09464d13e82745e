"""The connection of a gateway on a host of its own, and the workers that speak over it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from controlplane.auth.peer import ShownGateway
from controlplane.gateway.fed_worker import FedWorker
from homeport.target import split_target


class HostedWorker(FedWorker):
    """What it is told goes by its host's connection."""

    __slots__ = ("_host",)

    def __init__(self, worker_id: str, host: FedWorker) -> None:
        super().__init__({"worker": worker_id})
        self._host = host

    def send(self, message: dict[str, Any]) -> None:
        self._host.send({"worker": [self.id, message]})


@dataclass(frozen=True, slots=True)
class HostHello:
    """What a host says of its gateway. `tunnels` are host:port of its tunnel port as agents reach it, `url` is as
    clients do; `workers` were asked for on its command line just now."""

    release: tuple[str, ...]
    host: str
    tunnels: tuple[str, ...]
    url: str
    workers: int | None
    # Unix seconds, by its clock.
    time: float

    @classmethod
    def read(cls, plain: Mapping[str, Any]) -> "HostHello":
        """Raises ValueError for what no release says, HomeportError for a target that is none."""
        match plain:
            case {"release": [*release], "tunnels": [*tunnels], "url": str(url), "host": str(host)}:
                texts = tuple(str(target) for target in tunnels)
                for target in texts:
                    split_target(target, 0)
                workers = plain.get("workers")
                asked = workers if isinstance(workers, int) else None
                return cls(tuple(str(part) for part in release), host, texts, url, asked, float(plain["time"]))
        raise ValueError("the first line must be a hello")


@dataclass(frozen=True, slots=True)
class HostFacts:
    """Of a gateway elsewhere, for those who ask. Times are unix seconds, `last_heard` None = not since this start;
    `connected_since` is None while it is not connected. `clock_ahead_seconds` is that of its host."""

    connected_since: float | None = None
    last_heard: float | None = None
    version: str = ""
    clock_ahead_seconds: float = 0.0
    workers: Sequence[Mapping[str, Any]] = ()


@dataclass(eq=False, slots=True)
class HostLink:
    """`close` ends it with a reason and a sentence. `listed` are its workers as it shows them. Times are unix
    seconds."""

    shown: ShownGateway
    hello: HostHello
    close: Callable[[str, str], None]
    connected_at: float
    heard_at: float
    fed: FedWorker
    workers: dict[str, HostedWorker] = field(default_factory=dict)
    listed: list[dict[str, Any]] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.shown.name

    def worker(self, worker_id: str) -> HostedWorker:
        """Raises ValueError for one that cannot be of this gateway: a host speaks for itself alone."""
        prefix, _, number = worker_id.rpartition("-")
        if prefix != self.name or not number.isdecimal():
            raise ValueError(f"{worker_id} is no worker of gateway {self.name}")
        if worker_id not in self.workers:
            self.workers[worker_id] = HostedWorker(worker_id, self.fed)
        return self.workers[worker_id]

"""Who is measured side by side: the model server itself, nginx, our gateway, and whoever else is named."""

from dataclasses import dataclass
from itertools import chain
from urllib.parse import urlsplit

from bench.dataplane.stage import Part, Stage
from bench.gateway.nginx import Nginx


@dataclass(frozen=True, slots=True)
class Contender:
    """`prefix` stands before a path of the model server. The CPU time of `parts` is told, by their names."""

    name: str
    ports: tuple[int, ...]
    prefix: str = ""
    parts: tuple[tuple[str, Part | Nginx], ...] = ()


def contenders(stage: Stage, nginx: Nginx | None, peers: list[str]) -> list[Contender]:
    """`peers`: `name=http://127.0.0.1:port/prefix`, proxies of the model server that somebody has started."""
    found = [Contender("direct", tuple(stage.ports["direct"]))]
    if nginx is not None:
        found.append(Contender("nginx", (nginx.port,), parts=(("nginx", nginx),)))
    pairs = [
        (("gateway", gateway), ("agent", agent)) for gateway, agent in zip(stage.gateways, stage.agents, strict=True)
    ]
    ports = tuple(stage.ports["gateway"])
    found.append(Contender("homeport", ports[:1], "/d/bench", pairs[0]))
    if len(pairs) > 1:
        found.append(Contender(f"homeport x{len(pairs)}", ports, "/d/bench", tuple(chain(*pairs))))
    return found + [_peer(text) for text in peers]


def _peer(text: str) -> Contender:
    name, _, url = text.partition("=")
    to = urlsplit(url)
    if to.scheme != "http" or to.hostname != "127.0.0.1" or not to.port:
        raise SystemExit(
            f"--peer {text}: write name=http://127.0.0.1:port, with the path that leads to the model server"
        )
    return Contender(name, (to.port,), to.path.rstrip("/"))

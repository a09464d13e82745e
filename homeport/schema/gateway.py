"""Gateways as the API shows them."""

from typing import Annotated, Literal

from pydantic import Field

from homeport.core.gateway_workers import MOST_WORKERS
from homeport.schema.answer import Answer
from homeport.schema.base import ApiModel


class GatewayWorker(Answer):
    """`nodes` have a tunnel to it."""

    id: str
    pid: int
    state: Literal["starting", "serving", "retiring"]
    version: str
    nodes: int


class Gateway(Answer):
    """`wanted_workers` is 0 where it runs inside the control plane."""

    id: str
    url: str
    wanted_workers: int
    workers: list[GatewayWorker]
    host: str = ""
    """Its host's name; empty = beside the control plane."""
    tunnels: list[str] = Field(default_factory=list)
    """host:port of its tunnel port as agents reach it, where that is a host of its own."""
    state: Literal["connected", "away", "awaited"] = "connected"
    """`awaited`: no host has joined as it yet. While it is `away` it serves with what it was told last."""
    version: str = ""
    connected_since: float | None = None
    """Unix seconds; of one on a host of its own."""
    last_heard: float | None = None
    """Unix seconds; none = not since the control plane has started."""
    problem: str = ""
    """What a person should look at, and what to do."""


class Gateways(Answer):
    items: list[Gateway]


class GatewayScale(ApiModel):
    workers: Annotated[int, Field(ge=1, le=MOST_WORKERS)]


class GatewayJoin(ApiModel):
    """Lets one host join as this gateway."""

    ttl_seconds: Annotated[int, Field(ge=10, le=1800)] = 300


class NewGatewayToken(Answer):
    gateway: str
    token: str
    command: str
    """To run on a host that has homeport-server, with its own address in it."""
    expires_at: float
    """Unix seconds."""

"""The gateway as the API shows it."""

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


class Gateways(Answer):
    items: list[Gateway]


class GatewayScale(ApiModel):
    workers: Annotated[int, Field(ge=1, le=MOST_WORKERS)]

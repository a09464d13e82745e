"""The calls on containers that the driver makes, and what an engine's refusal of each means."""

import asyncio
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aiodocker import DockerError

from agent.drivers.docker.connection import Connection
from agent.drivers.docker.labels import SCOPE, Marks, from_container
from agent.drivers.driver import DriverUnavailable, RunState, StartRefused, Unkillable

# Unpacking and mounting may keep an engine busy.
_START_SECONDS = 120.0
# The end of a process with a lot of memory takes a while, on SIGKILL, too.
_AFTER_KILL_SECONDS = 15.0
_POLL_SECONDS = 0.1
_NO_SUCH, _CONFLICT = 404, 409
_ENDED = ("exited", "stopped", "dead", "removing")
_NEVER_STARTED = ("created", "configured", "initialized")


@dataclass(frozen=True, slots=True)
class Container:
    """`marks` is None for one that is not this agent's. `state` is the engine's account of how it is or ended."""

    id: str
    marks: Marks | None
    status: str
    state: Mapping[str, Any]
    memory_bytes: int

    @property
    def never_started(self) -> bool:
        return self.status in _NEVER_STARTED

    @property
    def run_state(self) -> RunState:
        """A paused one runs: it holds all that it has."""
        return RunState.EXITED if self.never_started or self.status in _ENDED else RunState.RUNNING


class Containers:
    """Raises DriverUnavailable in all methods."""

    def __init__(self, connection: Connection, scope: str) -> None:
        self._connection = connection
        self._scope = scope

    async def find(self, name: str) -> Container | None:
        """By name or id."""
        try:
            found = await self._connection.ask(lambda docker: docker.containers.container(name).show())
        except DockerError as error:
            if error.status == _NO_SUCH:
                return None
            raise DriverUnavailable(f"the container engine cannot inspect {name}: {error.message}") from None
        marks = from_container(found["Config"].get("Labels") or {}, self._scope)
        state = found["State"]
        return Container(found["Id"], marks, state["Status"], state, found["HostConfig"].get("Memory") or 0)

    async def address(self, container: str) -> str:
        """In the engine's network; empty for one that has ended or has none."""
        try:
            found = await self._connection.ask(lambda docker: docker.containers.container(container).show())
        except DockerError as error:
            raise DriverUnavailable(f"the container engine cannot inspect {container}: {error.message}") from None
        networks = found["NetworkSettings"].get("Networks") or {}
        return next((network["IPAddress"] for network in networks.values() if network.get("IPAddress")), "")

    async def find_all(self) -> list[Container]:
        """All of this agent, in every state."""
        filters = {"label": [f"{SCOPE}={self._scope}"]}
        try:
            listed = await self._connection.ask(lambda docker: docker.containers.list(all=1, filters=filters))
        except DockerError as error:
            raise DriverUnavailable(f"the container engine cannot list its containers: {error.message}") from None
        return [
            Container(found.id, from_container(found["Labels"] or {}, self._scope), found["State"], {}, 0)
            for found in listed
        ]

    async def create(self, name: str, body: Mapping[str, Any]) -> str | None:
        """Its id; None when the name is taken. Raises StartRefused."""
        try:
            created = await self._connection.ask(
                lambda docker: docker.containers.create(dict(body), name=name), _START_SECONDS
            )
        except DockerError as error:
            if error.status == _CONFLICT or "already in use" in error.message:
                return None
            if error.status == _NO_SUCH:
                raise StartRefused(f"image {body['Image']} is not on this host any more") from None
            raise StartRefused(error.message) from None
        return created.id

    async def start(self, container: str) -> None:
        """Raises StartRefused."""
        try:
            await self._connection.ask(lambda docker: docker.containers.container(container).start(), _START_SECONDS)
        except DockerError as error:
            raise StartRefused(error.message) from None

    async def stop(self, container: str, grace_seconds: float) -> None:
        """Raises Unkillable."""
        grace = math.ceil(grace_seconds)
        problem = "the engine says that it did"
        try:
            async with asyncio.timeout(grace + _AFTER_KILL_SECONDS):
                await self._connection.ask(
                    lambda docker: docker.containers.container(container).stop(t=grace), grace + 2 * _AFTER_KILL_SECONDS
                )
        except TimeoutError:
            problem = "the engine waits for it"
        except DockerError as error:
            problem = error.message
        found = await self.find(container)
        if found is not None and found.run_state is RunState.RUNNING:
            raise Unkillable(f"container {container[:12]} did not end on SIGKILL: {problem}")

    async def remove(self, container: str) -> None:
        """It is gone on return, whoever removed it."""
        try:
            await self._connection.ask(
                lambda docker: docker.containers.container(container).delete(force=True, v=True), _AFTER_KILL_SECONDS
            )
        except DockerError as error:
            if error.status not in (_NO_SUCH, _CONFLICT):
                raise DriverUnavailable(f"container {container[:12]} cannot be removed: {error.message}") from None
            while await self.find(container) is not None:  # noqa: ASYNC110 - the engine removes it already
                await asyncio.sleep(_POLL_SECONDS)

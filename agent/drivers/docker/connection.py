"""The connection to a container engine: every question has a deadline, and silence is told from an answer."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, TypeVar

import aiohttp
from aiodocker import Docker, DockerError

from agent.drivers.docker.facts import EngineFacts, engine_facts
from agent.drivers.docker.socket import USUAL_PLACES, socket_path
from agent.drivers.driver import DriverUnavailable
from agent.policy import HostPolicy

T = TypeVar("T")

ANSWER_SECONDS = 15.0
_NOT_CONNECTED = 900  # aiodocker's own status for it


class Connection:
    """Made on first use, so that an agent starts before its engine does. It outlives restarts of the engine."""

    def __init__(self, policy: HostPolicy, answer_seconds: float = ANSWER_SECONDS) -> None:
        self._policy = policy
        self._answer_seconds = answer_seconds
        self._path = ""
        self._docker: Docker | None = None
        self._connector: aiohttp.UnixConnector | None = None
        self._facts: EngineFacts | None = None

    async def ask(self, question: Callable[[Docker], Awaitable[T]], more_seconds: float = 0.0) -> T:
        """The answer. Raises DriverUnavailable when none comes in time, DockerError when the engine declines."""
        docker = self._connected()
        seconds = self._answer_seconds + more_seconds
        try:
            async with asyncio.timeout(seconds):
                return await question(docker)
        except TimeoutError:
            raise self._silent(docker, f"no answer within {seconds:g} s") from None
        except (aiohttp.ClientError, OSError) as error:
            raise self._silent(docker, str(error) or type(error).__name__) from None
        except DockerError as error:
            if error.status == _NOT_CONNECTED:
                raise self._silent(docker, _why(error)) from None
            raise

    async def facts(self) -> EngineFacts:
        """Asked for again after each silence: the engine may have been replaced. Raises DriverUnavailable."""
        if self._facts is None:
            try:
                version = await self.ask(lambda docker: docker.version())
                info = await self.ask(lambda docker: docker.system.info())
                self._facts = engine_facts(version, info)
            except (DockerError, KeyError, TypeError) as error:
                raise DriverUnavailable(f"what answers at {self._path} is no container engine: {error}") from None
        return self._facts

    @contextlib.asynccontextmanager
    async def stream(
        self,
        method: str,
        path: str,
        params: Mapping[str, str],
        headers: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> AsyncIterator[aiohttp.StreamReader]:
        """An answer that comes in pieces and takes as long as it takes. Podman sends no head before the first piece.

        Raises DriverUnavailable, also when it breaks off; DockerError.
        """
        await self.facts()
        docker = self._connected()
        url = f"{docker.docker_host}/{docker.api_version}/{path}"
        no_limit = aiohttp.ClientTimeout(total=None, sock_read=None)
        try:
            async with docker.session.request(
                method, url, params=params, headers=headers, json=body, timeout=no_limit
            ) as answer:
                if answer.status >= 400:
                    raise DockerError(answer.status, (await answer.json(content_type=None))["message"])
                yield answer.content
        except (aiohttp.ClientError, OSError) as error:
            raise self._silent(docker, str(error) or type(error).__name__) from None

    async def close(self) -> None:
        if self._docker is not None and self._connector is not None:
            await self._docker.close()
            await self._connector.close()
            self._docker = None

    def _connected(self) -> Docker:
        if self._docker is None:
            path = socket_path(self._policy)
            if path is None:
                raise DriverUnavailable(
                    f"no container engine here: no socket at {' or '.join(USUAL_PLACES)}; install Docker or Podman, "
                    "or name another socket as engine_socket in the policy file"
                )
            if "://" in path:
                raise DriverUnavailable(f"DOCKER_HOST is {path}; the engine must be on this host: unix:///PATH")
            self._path = path
            # Each replica holds a connection open that tells of its end.
            self._connector = aiohttp.UnixConnector(path, limit=0)
            self._docker = Docker(f"unix://{path}", connector=self._connector)
            # aiodocker would compose it only for a connector of its own.
            self._docker.docker_host = "unix://localhost"
        return self._docker

    def _silent(self, docker: Docker, why: str) -> DriverUnavailable:
        self._facts = None
        docker.api_version = "auto"
        return DriverUnavailable(f"the container engine at {self._path} does not answer: {why}")


def _why(error: DockerError) -> str:
    """aiodocker puts the words of the system into brackets in brackets."""
    _, _, rest = error.message.rpartition("[")
    return rest.rstrip("]") or error.message

"""The agent's own door for the host's administrator: one question, one line of JSON, over a unix socket."""

import asyncio
import contextlib
import json
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import structlog

from homeport.core.errors import ErrorCode, HomeportError
from homeport.unix_socket import listen_privately, short_name

log = structlog.get_logger()

_TIMEOUT_SECONDS = 5.0
_RETRY_SECONDS = 5.0


class LocalApi:
    """`answers` maps a question to what makes its answer."""

    def __init__(self, path: Path, answers: dict[str, Callable[[], Any]]) -> None:
        self._path = path
        self._answers = answers
        self._server: asyncio.Server | None = None
        self._retrying: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """A disk that has no room for a socket holds up nothing: it is tried again until it has."""
        try:
            await self._listen()
        except OSError as error:
            log.warning("the local socket cannot be made yet", error=str(error))
            self._retrying = asyncio.create_task(self._listen_later(), name="local-api")

    async def _listen_later(self) -> None:
        while self._server is None:
            await asyncio.sleep(_RETRY_SECONDS)
            with contextlib.suppress(OSError):
                await self._listen()

    async def _listen(self) -> None:
        """The state directory's lock makes sure that a socket found here is a dead agent's."""
        self._server = await asyncio.start_unix_server(self._serve, sock=listen_privately(self._path))

    async def close(self) -> None:
        if self._retrying:
            self._retrying.cancel()
        if self._server:
            self._server.close()
            self._path.unlink(missing_ok=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_TIMEOUT_SECONDS):
                question = (await reader.readline()).decode(errors="replace").strip()
                answer = self._answers.get(question)
                known = {"error": f"unknown question; known: {', '.join(self._answers)}"}
                writer.write(json.dumps(answer() if answer else known).encode() + b"\n")
                await writer.drain()
        except (OSError, ValueError, TimeoutError):
            pass  # the other end left, or never asked
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


def ask(path: Path, question: str) -> dict[str, Any]:
    """Asks a running agent. Raises HomeportError when none runs."""
    try:
        with socket.socket(socket.AF_UNIX) as connection, short_name(path) as short:
            connection.settimeout(_TIMEOUT_SECONDS)
            connection.connect(short)
            connection.sendall(question.encode() + b"\n")
            with connection.makefile("rb") as file:
                answer: dict[str, Any] = json.loads(file.readline())
                return answer
    except (FileNotFoundError, ConnectionRefusedError):
        raise HomeportError(
            ErrorCode.UNAVAILABLE,
            f"no agent runs with the state directory {path.parent}",
            hint="start it: homeport-agent run, or name its --state-dir",
        ) from None
    except (OSError, ValueError) as error:
        raise HomeportError(
            ErrorCode.UNAVAILABLE, f"the agent of {path.parent} does not answer: {error or type(error).__name__}"
        ) from None

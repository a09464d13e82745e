"""Getting an image, and saying how far it is or why it does not come."""

import base64
import json
import os
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any

import aiohttp
from aiodocker import DockerError

from agent.drivers.docker.connection import Connection
from agent.drivers.driver import StartRefused
from homeport.core.quantity import format_bytes
from homeport.core.workload import PullPolicy

# What engines and registries say, in lower case, and what it means. The first that fits counts.
_MEANINGS = (
    (("no space left",), "the engine's disk is full"),
    (("no such host", "dial tcp", "connection refused", "timeout", "timed out", "network is unreachable", "eof"),
     "its registry cannot be reached from this host"),
    (("unauthorized", "authentication required", "no basic auth", "denied"),
     "its registry wants a login, or has no such image: log in on this host as the agent's user"),
    (("manifest unknown", "not found", "no such image", "name unknown"), "there is no such image"),
    (("no matching manifest", "does not match the specified platform"), "it is not made for this host's processor"),
)  # fmt: skip
_UNREACHABLE = _MEANINGS[1][1]


class PullProgress:
    """Adds up what an engine says of each layer."""

    def __init__(self, image: str) -> None:
        self._image = image
        self._layers: dict[str, tuple[int, int]] = {}

    def after(self, event: Mapping[str, Any]) -> str:
        """A line for people."""
        layer, status = event.get("id", ""), event.get("status", "")
        detail = event.get("progressDetail") or {}
        if status == "Downloading" and detail.get("total"):
            self._layers[layer] = (detail.get("current", 0), detail["total"])
        elif status in ("Download complete", "Pull complete", "Extracting") and layer in self._layers:
            total = self._layers[layer][1]
            self._layers[layer] = (total, total)
        done, total = (sum(figures) for figures in zip(*self._layers.values(), strict=True)) if self._layers else (0, 0)
        if done < total:
            return f"pulling {self._image}, {format_bytes(done)}B of {format_bytes(total)}B"
        return f"pulling {self._image}, {status.lower()}" if status else f"pulling {self._image}"


async def ensure_image(
    connection: Connection, image: str, policy: PullPolicy, report: Callable[[str], None], config: Path
) -> None:
    """`config` is the Docker CLI's file with logins. Raises StartRefused, DriverUnavailable."""
    is_here = await _is_here(connection, image)
    if policy is PullPolicy.NEVER and not is_here:
        raise StartRefused(f"image {image} is not on this host, and its pull policy is `never`: load it first")
    if is_here and policy is not PullPolicy.ALWAYS:
        return
    try:
        await _pull(connection, image, report, config)
    except DockerError as error:
        meaning = meaning_of(error.message)
        # A site that is cut off goes on with what it has.
        if is_here and meaning == _UNREACHABLE:
            report(f"{image}: {meaning}; the one on this host is taken")
            return
        raise StartRefused(f"cannot pull {image}: {meaning}: {error.message}") from None


def meaning_of(message: str) -> str:
    lower = message.lower()
    return next((meaning for signs, meaning in _MEANINGS if any(sign in lower for sign in signs)), "the engine says")


def registry_of(image: str) -> str:
    """The registry's host (and port); empty for the engine's default one."""
    first, slash, _ = image.partition("/")
    return first if slash and ("." in first or ":" in first or first == "localhost") else ""


def login_for(registry: str, config: Path) -> str:
    """The value of the header that logs in; empty when there is no login for this registry."""
    try:
        entry = json.loads(config.read_text())["auths"][registry]
        user, _, password = base64.b64decode(entry["auth"]).decode().partition(":")
    except (OSError, ValueError, KeyError, TypeError):
        return ""
    login = {"username": user, "password": password, "serveraddress": registry}
    return base64.urlsafe_b64encode(json.dumps(login).encode()).decode()


def login_file(environ: Mapping[str, str] = os.environ) -> Path:
    folder = environ.get("DOCKER_CONFIG")
    return (Path(folder) if folder else Path.home() / ".docker") / "config.json"


async def _is_here(connection: Connection, image: str) -> bool:
    try:
        await connection.ask(lambda docker: docker.images.inspect(image))
    except DockerError:
        return False
    return True


async def _pull(connection: Connection, image: str, report: Callable[[str], None], config: Path) -> None:
    login = login_for(registry_of(image) or (await connection.facts()).default_registry, config)
    name = image if "@" in image or ":" in image.rpartition("/")[2] else f"{image}:latest"
    progress = PullProgress(image)
    report(progress.after({}))
    headers = {"X-Registry-Auth": login} if login else {}
    async with connection.stream("POST", "images/create", {"fromImage": name}, headers) as answer:
        async for event in _events(answer):
            if "error" in event:
                raise DockerError(0, event["error"])
            report(progress.after(event))


async def _events(answer: aiohttp.StreamReader) -> AsyncIterator[dict[str, Any]]:
    while line := await answer.readline():
        yield json.loads(line)

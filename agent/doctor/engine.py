"""The container engine: whether it answers, and whether it is new enough."""

import http.client
import json
import os
import socket
from dataclasses import dataclass
from typing import Any

from agent.doctor.finding import Finding, Host, fail, ok
from agent.policy import HostPolicy, load_policy
from homeport.core.errors import HomeportError

_CHECK = "engine"
_SECONDS = 5.0
_LEAST_API = (1, 41)
_PLACES = ("/var/run/docker.sock", "/run/podman/podman.sock")
_INSTALL = "install Docker 20.10.21 or newer (or Podman 4), or take docker out of drivers in the policy file"


@dataclass(frozen=True, slots=True)
class Engine:
    """`name` is docker or podman; `api` is the newest version of its API that it speaks, such as 1.44."""

    socket: str
    name: str
    version: str
    api: str
    runtimes: tuple[str, ...] = ()

    @property
    def release(self) -> tuple[int, ...]:
        """Major and minor."""
        return tuple(int(part) for part in self.version.split(".")[:2])


def check_engine(host: Host) -> list[Finding]:
    policy = _policy(host)
    if "docker" not in policy.drivers:
        return [ok(_CHECK, "none is needed: the policy allows no containers")]
    path = socket_path(policy)
    if path is None:
        return [fail(_CHECK, f"no socket at {' or '.join(_PLACES)}", _INSTALL)]
    try:
        return [judge_engine(_ask(path))]
    except PermissionError:
        return [fail(_CHECK, f"{path}: permission denied", "usermod -aG docker homeport-agent, then restart the agent")]
    except TimeoutError:
        return [
            fail(_CHECK, f"{path}: no answer within {_SECONDS:g} s", "restart the engine: systemctl restart docker")
        ]
    except (OSError, http.client.HTTPException, ValueError, KeyError) as error:
        return [fail(_CHECK, f"{path}: {error or type(error).__name__}", "start the engine: systemctl start docker")]


def ask_engine(host: Host) -> Engine | None:
    path = socket_path(_policy(host))
    try:
        return _ask(path) if path else None
    except (OSError, http.client.HTTPException, ValueError, KeyError):
        return None


def judge_engine(engine: Engine) -> Finding:
    found = f"{engine.name} {engine.version}, API {engine.api}, at {engine.socket}"
    if tuple(int(part) for part in engine.api.split(".")[:2]) < _LEAST_API:
        return fail(_CHECK, f"{found}: API 1.41 is the least", _INSTALL)
    return ok(_CHECK, found)


def socket_path(policy: HostPolicy) -> str | None:
    """The policy's, $DOCKER_HOST's, or the first of the usual places that exists."""
    named = policy.engine_socket or os.environ.get("DOCKER_HOST", "").removeprefix("unix://")
    return named or next((place for place in _PLACES if os.path.exists(place)), None)


def _policy(host: Host) -> HostPolicy:
    try:
        return load_policy(host.policy_file)
    except HomeportError:
        return HostPolicy()  # the policy's check says so


def _ask(path: str) -> Engine:
    version, info = _get(path, "/version"), _get(path, "/info")
    is_podman = any(part.get("Name") == "Podman Engine" for part in version.get("Components") or [])
    return Engine(
        socket=path,
        name="podman" if is_podman else "docker",
        version=version["Version"],
        api=version["ApiVersion"],
        runtimes=tuple(info.get("Runtimes") or ()),
    )


def _get(path: str, what: str) -> dict[str, Any]:
    connection = http.client.HTTPConnection("localhost", timeout=_SECONDS)
    connection.sock = socket.socket(socket.AF_UNIX)
    try:
        connection.sock.settimeout(_SECONDS)
        connection.sock.connect(path)
        connection.request("GET", what)
        answer: dict[str, Any] = json.loads(connection.getresponse().read())
        return answer
    finally:
        connection.close()

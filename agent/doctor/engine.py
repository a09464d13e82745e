"""The container engine: whether it answers, and whether it is new enough."""

import http.client
import json
import socket
from typing import Any

from agent.doctor.finding import Finding, Host, fail, ok
from agent.drivers.docker.facts import EngineFacts, engine_facts
from agent.drivers.docker.socket import USUAL_PLACES, socket_path
from agent.policy import HostPolicy, load_policy
from homeport.core.errors import HomeportError

_CHECK = "engine"
_SECONDS = 5.0
_INSTALL = "install Docker 20.10.21 or newer (or Podman 4), or take docker out of drivers in the policy file"


def check_engine(host: Host) -> list[Finding]:
    policy = _policy(host)
    if "docker" not in policy.drivers:
        return [ok(_CHECK, "none is needed: the policy allows no containers")]
    path = socket_path(policy)
    if path is None:
        return [fail(_CHECK, f"no socket at {' or '.join(USUAL_PLACES)}", _INSTALL)]
    try:
        return [judge_engine(_ask(path), path)]
    except PermissionError:
        return [fail(_CHECK, f"{path}: permission denied", "usermod -aG docker homeport-agent, then restart the agent")]
    except TimeoutError:
        return [
            fail(_CHECK, f"{path}: no answer within {_SECONDS:g} s", "restart the engine: systemctl restart docker")
        ]
    except (OSError, http.client.HTTPException, ValueError, KeyError) as error:
        return [fail(_CHECK, f"{path}: {error or type(error).__name__}", "start the engine: systemctl start docker")]


def ask_engine(host: Host) -> EngineFacts | None:
    path = socket_path(_policy(host))
    try:
        return _ask(path) if path else None
    except (OSError, http.client.HTTPException, ValueError, KeyError):
        return None


def judge_engine(engine: EngineFacts, path: str) -> Finding:
    if engine.problem:
        return fail(_CHECK, f"{path}: {engine.problem}", _INSTALL)
    return ok(_CHECK, f"{engine}, API {engine.api}, at {path}")


def _policy(host: Host) -> HostPolicy:
    try:
        return load_policy(host.policy_file)
    except HomeportError:
        return HostPolicy()  # the policy's check says so


def _ask(path: str) -> EngineFacts:
    return engine_facts(_get(path, "/version"), _get(path, "/info"))


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

"""Proxies that the agent's connections would go through."""

import os
from collections.abc import Mapping
from pathlib import Path

from agent.doctor.finding import Finding, Host, ok, warn
from agent.doctor.server import server_of

_CHECK = "proxy"
# In the order in which gRPC looks at them; it reads those in lower case only, the tunnel both.
_VARIABLES = ("grpc_proxy", "https_proxy", "HTTPS_PROXY", "http_proxy", "HTTP_PROXY")
_EXCEPTIONS = ("no_grpc_proxy", "no_proxy", "NO_PROXY")


def check_proxy(host: Host) -> list[Finding]:
    server = server_of(host)
    return [judge_proxy(_environment(host), server.host if server else "")]


def judge_proxy(environment: Mapping[str, str], server: str) -> Finding:
    name = next((name for name in _VARIABLES if environment.get(name)), None)
    if name is None:
        return ok(_CHECK, "none is set")
    exceptions = next((environment[key] for key in _EXCEPTIONS if environment.get(key)), "")
    if server and any(server.endswith(part.strip()) for part in exceptions.split(",") if part.strip()):
        return ok(_CHECK, f"{name} is set, and {server} is excepted from it")
    return warn(
        _CHECK,
        f"{name}={environment[name]}: the agent's connections go through it",
        f"it must allow CONNECT to the ports 8442-8444; or except the control plane: no_proxy={server or 'HOST'} in "
        "/etc/homeport/agent.env",
    )


def _environment(host: Host) -> Mapping[str, str]:
    """The running agent's, which may differ from that of this shell."""
    if host.status is None:
        return os.environ
    try:
        content = Path(f"/proc/{host.status['pid']}/environ").read_text(errors="replace")
    except OSError:
        return os.environ
    return dict(pair.split("=", 1) for pair in content.split("\0") if "=" in pair)

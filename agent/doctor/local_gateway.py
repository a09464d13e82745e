"""Whether the local gateway serves, or can: as the running agent says, else as the policy file asks for it."""

import contextlib
import socket
from typing import Any

from agent.doctor.finding import Finding, Host, fail, ok, warn
from agent.local_gateway.options import LocalGatewayOptions, local_gateway_options
from agent.policy import load_policy
from homeport.core.errors import HomeportError

_CHECK = "local gateway"
_SOON_SECONDS = 86_400.0


def check_local_gateway(host: Host) -> list[Finding]:
    if host.status is not None:
        told = host.status.get("local_gateway")
        return judge_status(told) if told else []
    try:
        given = load_policy(host.policy_file).local_gateway
    except HomeportError:
        return []  # the check of the policy file says it
    try:
        return _judge_options(local_gateway_options(given)) if given else []
    except HomeportError as error:
        return [fail(_CHECK, f"{error.path}: {error.message}", error.hint)]


def judge_status(told: dict[str, Any]) -> list[Finding]:
    """Of the running agent's."""
    findings = [warn(_CHECK, problem, "see the agent's log") for problem in told["problems"]]
    left = told["tokens_accepted_seconds"]
    if not told["certified"]:
        fix = "the control plane gives it one: mend the link (session port), and look at the agent's log"
        findings.append(warn(_CHECK, "it has no certificate yet, so no other agent can attach", fix))
    if left <= 0:
        fix = "it learns them from the control plane: mend the link (session port)"
        findings.append(fail(_CHECK, "it accepts no access tokens: what it knows is too old, or nothing", fix))
    elif left < _SOON_SECONDS:
        fix = "mend the link (session port) before"
        findings.append(warn(_CHECK, f"in {left / 3600:.1f} hours it accepts no access tokens any more", fix))
    return findings or [ok(_CHECK, f"{told['url']}, and {told['tunnels']} for the agents of this site")]


def _judge_options(options: LocalGatewayOptions) -> list[Finding]:
    taken = [f"{host}:{port}" for host, port in (options.clients_at, options.tunnels_at) if not _is_free(host, port)]
    if taken:
        fix = "end what listens there (ss -ltnp), or change clients and tunnels of [local_gateway]"
        return [fail(_CHECK, f"cannot listen on {', '.join(taken)}", fix)]
    return [ok(_CHECK, f"the agent does not run; {options.clients} is free")]


def _is_free(host: str, port: int) -> bool:
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((host, port))
        return True
    return False

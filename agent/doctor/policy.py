"""The host's policy file."""

from agent.doctor.finding import Finding, Host, fail, ok, warn
from agent.policy import HostPolicy, load_policy
from homeport.core.errors import HomeportError

_CHECK = "policy"


def check_policy(host: Host) -> list[Finding]:
    try:
        policy = load_policy(host.policy_file)
    except HomeportError as error:
        return [fail(_CHECK, f"{error.path}: {error.message}", error.hint)]
    return [judge_policy(policy, f"{host.policy_file}" if host.policy_file.exists() else "the defaults (no file)")]


def judge_policy(policy: HostPolicy, source: str) -> Finding:
    if not policy.drivers:
        return warn(_CHECK, "no driver is allowed, so nothing can run here", f'add to {source}: drivers = ["docker"]')
    if "process" in policy.drivers:
        return warn(
            _CHECK,
            "the process driver is allowed: models run as the agent's own user",
            f"leave it out of drivers in {source} unless you trust everybody who may deploy",
        )
    return ok(_CHECK, f"{source}: drivers {', '.join(policy.drivers)}")

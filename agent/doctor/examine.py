"""All checks at once, each with a deadline: a disk, a driver or a resolver that hangs must not hang the doctor."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from agent.doctor.cdi import check_cdi
from agent.doctor.clock import check_clock
from agent.doctor.disk import check_disk
from agent.doctor.dns import check_dns
from agent.doctor.engine import check_engine
from agent.doctor.finding import Finding, Host, fail
from agent.doctor.gpu import check_gpu
from agent.doctor.local_gateway import check_local_gateway
from agent.doctor.policy import check_policy
from agent.doctor.proxy import check_proxy
from agent.doctor.reachability import check_enrollment_port, check_session_port, check_tunnel_port
from agent.doctor.state import check_state
from agent.doctor.unit import check_unit
from agent.local_api.local_api import ask
from agent.state.directory import StateDirectory
from homeport.core.errors import HomeportError

DEADLINE_SECONDS = 15.0

Check = Callable[[Host], Sequence[Finding]]
CHECKS: dict[str, Check] = {
    "policy": check_policy,
    "state": check_state,
    "unit": check_unit,
    "disk": check_disk,
    "clock": check_clock,
    "engine": check_engine,
    "gpu": check_gpu,
    "cdi": check_cdi,
    "dns": check_dns,
    "proxy": check_proxy,
    "enrollment port": check_enrollment_port,
    "session port": check_session_port,
    "tunnel port": check_tunnel_port,
    "local gateway": check_local_gateway,
}


@dataclass(slots=True)
class _Examination:
    name: str
    thread: threading.Thread = field(init=False)
    findings: Sequence[Finding] | None = None


def examine(host: Host, checks: Mapping[str, Check] = CHECKS, deadline: float = DEADLINE_SECONDS) -> list[Finding]:
    """In the order of `checks`. Never raises; after the deadline in seconds silence is a finding, too."""
    host = replace(host, status=_status(host))
    examinations = [_begin(name, check, host) for name, check in checks.items()]
    ends = time.monotonic() + deadline
    found: list[Finding] = []
    for examination in examinations:
        examination.thread.join(max(0.0, ends - time.monotonic()))
        silence = [fail(examination.name, f"no answer within {deadline:g} s", "something below it hangs: see dmesg")]
        found += silence if examination.findings is None else examination.findings
    return found


def _begin(name: str, check: Check, host: Host) -> _Examination:
    examination = _Examination(name)

    def work() -> None:
        try:
            examination.findings = check(host)
        except Exception as error:
            examination.findings = [fail(name, f"the check itself failed: {error!r}", "please report this")]

    # A daemon: one that hangs does not keep the program from ending.
    examination.thread = threading.Thread(target=work, daemon=True)
    examination.thread.start()
    return examination


def _status(host: Host) -> dict[str, object] | None:
    try:
        return ask(StateDirectory(host.state_dir).socket, "status")
    except HomeportError:
        return None

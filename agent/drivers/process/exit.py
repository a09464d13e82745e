"""How a process ended."""

import os
import signal


def reap(pidfd: int) -> int | None:
    """The exit code, negative for a signal; None when the process is not our child."""
    try:
        result = os.waitid(os.P_PIDFD, pidfd, os.WEXITED | os.WNOHANG)
    except ChildProcessError:
        return None
    if result is None:
        return None
    return result.si_status if result.si_code == os.CLD_EXITED else -result.si_status


def exit_reason(code: int | None) -> str:
    if code is None:
        return "ended; its exit code is not known, since it was started before the agent"
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"killed by signal {-code}"

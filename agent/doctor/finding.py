"""What the doctor works on and what it says."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

DEFAULT_PORTS = {"enrollment": 8442, "session": 8443, "tunnel": 8444}


class Verdict(StrEnum):
    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """`fix` says what to do; it is empty exactly when all is well."""

    check: str
    verdict: Verdict
    message: str
    fix: str = ""


@dataclass(frozen=True, slots=True)
class Host:
    """`server` is the control plane's enrollment address, if one was named; `status` is the running agent's, if one
    runs.
    """

    state_dir: Path
    policy_file: Path
    server: str = ""
    status: dict[str, Any] | None = None


def ok(check: str, message: str) -> Finding:
    return Finding(check, Verdict.OK, message)


def warn(check: str, message: str, fix: str) -> Finding:
    return Finding(check, Verdict.WARN, message, fix)


def fail(check: str, message: str, fix: str) -> Finding:
    return Finding(check, Verdict.FAIL, message, fix)

"""Whether this host's clock agrees with the control plane's: certificates are valid between two times."""

import time
from datetime import datetime

from cryptography import x509

from agent.doctor.finding import Finding, Host, fail, ok, warn
from agent.doctor.server import server_of

_CHECK = "clock"
_FIX = "let a time service keep it: timedatectl set-ntp true"
_WARN_SECONDS = 5.0
# Certificates are valid from so long before they are made.
_BACKDATED_SECONDS = 300.0


def check_clock(host: Host) -> list[Finding]:
    link = (host.status or {}).get("link", {})
    if link.get("connected"):
        return [judge_skew(link["clock_skew_seconds"])]
    server = server_of(host)
    if server is None or server.identity is None:
        return [ok(_CHECK, "nothing to compare it with: this host has not joined")]
    certificate = x509.load_pem_x509_certificate(server.identity.certificate)
    return [judge_time(time.time(), certificate.not_valid_before_utc, certificate.not_valid_after_utc)]


def judge_skew(seconds: float) -> Finding:
    """`seconds` that this host is ahead of the control plane."""
    direction = "ahead of" if seconds > 0 else "behind"
    message = f"{abs(seconds):.1f} s {direction} the control plane's"
    if abs(seconds) > _BACKDATED_SECONDS:
        return fail(_CHECK, message, _FIX)
    if abs(seconds) > _WARN_SECONDS:
        return warn(_CHECK, message, _FIX)
    return ok(_CHECK, message)


def judge_time(now: float, valid_from: datetime, valid_until: datetime) -> Finding:
    """Against this node's own certificate, when nobody can be asked for the time."""
    if now < valid_from.timestamp():
        return fail(
            _CHECK, f"it stands before {valid_from:%Y-%m-%d %H:%M} UTC, when this node's certificate began", _FIX
        )
    if now > valid_until.timestamp():
        return warn(
            _CHECK,
            f"this node's certificate ended at {valid_until:%Y-%m-%d %H:%M} UTC, or the clock is ahead",
            f"if the host was off for so long, join again with a new token; else {_FIX}",
        )
    return ok(_CHECK, "it lies within the life of this node's certificate")

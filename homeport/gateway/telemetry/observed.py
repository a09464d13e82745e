"""What of a request is told to those who watch: a line of the access log, and times for a caller that asks for them."""

from homeport.core.errors import HomeportError
from homeport.core.rollout.track import deployment_of
from homeport.gateway.limits.admitted import AdmittedDelivery
from homeport.tunnel.hop_timing import HopTiming, take_timing

# It may be as long as a head.
_LONGEST_PATH = 2048


class Observed(AdmittedDelivery):
    # Of the last attempt, where somebody watches.
    _timing: HopTiming | None = None

    def without_timing(self, lines: bytes) -> bytes:
        """An answer's header lines without what the node says of its time."""
        self._timing, lines = take_timing(lines)
        return lines

    def tell_timing(self) -> None:
        """To a caller that may see it, with the answer whose head is here."""
        there = self._answered_at - self._sent_at
        hops = {"gateway": self._sent_at - self._began_at - self._parked_seconds, "parked": self._parked_seconds}
        if self._timing is None:
            # A node of an older release tells nothing.
            hops["node"] = there
        else:
            hold, upstream, _ = self._timing
            hops |= {"tunnel": there - hold - upstream, "hold": hold, "model": upstream}
        shown = ", ".join(f"{name};dur={max(0.0, seconds) * 1000:.3f}" for name, seconds in hops.items())
        self._own_lines += b"server-timing: %b\r\n" % shown.encode()

    def note_end(self, error: HomeportError | None, is_answered: bool) -> None:
        AdmittedDelivery.note_end(self, error, is_answered)
        log, heading = self._gateway.access_log, self._heading
        # Whether a gateway is well is asked all the time.
        if log is not None and (heading.to.kind != "health" or heading.problem is not None):
            seconds = self._gateway.clock() - self._began_at
            log.note(seconds, self._record(error, is_answered, seconds))

    def _record(self, error: HomeportError | None, is_answered: bool, seconds: float) -> dict[str, object]:
        """No header's value, no query and no body is in it."""
        policy = self._policy
        hold = self._timing.hold_seconds if self._timing is not None else 0.0
        return {
            "request_id": self._request_id.decode(),
            "trace_id": self._heading.trace_id,
            "client": self.client_address(),
            "token_id": self._tenant,
            "project": policy.project if policy is not None else "",
            "method": self.head.method.decode("latin-1"),
            "path": self.head.path.decode("latin-1")[:_LONGEST_PATH],
            "deployment": deployment_of(policy.deployment_id) if policy is not None else "",
            "revision": policy.revision if policy is not None else 0,
            "node": self._node_id,
            "replica": self._timing.replica_id if self._timing is not None else "",
            "status": self._status,
            "request_bytes": self._request_bytes,
            "response_bytes": self._response_bytes,
            "queue_ms": _ms(self._parked_seconds + hold),
            "first_byte_ms": _ms(self._answered_at - self._began_at) if self._answered_at else None,
            "duration_ms": _ms(seconds),
            "retries": max(0, self._tries - 1),
            "error": error.code.value if error is not None else "" if is_answered else "client_left",
        }


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 3)

"""A request's head as the gateway reads it: where it goes, and what of it goes on. Made once per different head."""

from copy import copy

from homeport.core.errors import ErrorCode, HomeportError
from homeport.gateway.callers.subprotocols import take_token
from homeport.gateway.routing.direction import (
    DEPLOYMENT_HEADER,
    PROGRESS_HEADER,
    REVISION_HEADER,
    TIMEOUT_HEADERS,
    TIMING_HEADER,
    Direction,
    direction_of,
)
from homeport.gateway.routing.form_model import boundary_of
from homeport.gateway.telemetry.trace_context import TRACEPARENT, TRACESTATE, take_trace
from homeport.http1.head import RequestHead, block

# Of this hop only. The token in particular never leaves the gateway.
_NOT_FORWARDED = frozenset(
    (
        b"authorization",
        b"x-request-id",
        DEPLOYMENT_HEADER,
        REVISION_HEADER,
        PROGRESS_HEADER,
        TIMING_HEADER,
        *TIMEOUT_HEADERS,
    )
)


class Heading:
    """`start` are request line and header lines as the model server gets them, up to the request's id."""

    __slots__ = (
        "authorization",
        "boundary",
        "given_id",
        "has_idempotency_key",
        "is_json",
        "offers_homeport",
        "problem",
        "revision",
        "says_other",
        "start",
        "timeout_seconds",
        "to",
        "trace_id",
        "wants_progress",
        "wants_timing",
    )
    not_forwarded = _NOT_FORWARDED

    def __init__(self, head: RequestHead) -> None:
        listed = head.fields
        fields = dict(listed)
        self.authorization = fields.get(b"authorization")
        self.offers_homeport = False
        if head.upgrade:
            token, self.offers_homeport, listed = take_token(listed)
            self.authorization = self.authorization or token
        self.given_id = fields.get(b"x-request-id")
        self.has_idempotency_key = b"idempotency-key" in fields
        content_type = fields.get(b"content-type", b"")
        # Nobody unpacks it here.
        is_packed = fields.get(b"content-encoding", b"identity") != b"identity"
        self.is_json = content_type.startswith(b"application/json") and not is_packed
        # Of a body that is no JSON by its own words.
        self.says_other = is_packed or (bool(content_type) and b"json" not in content_type.lower())
        # Of a form.
        self.boundary = b"" if is_packed else boundary_of(content_type)
        self.wants_progress = fields.get(PROGRESS_HEADER) == b"true" and head.method != b"HEAD" and not head.upgrade
        self.wants_timing = fields.get(TIMING_HEADER) == b"true"
        # Of the caller's trace; empty without one.
        self.trace_id = ""
        if TRACEPARENT in fields or TRACESTATE in fields:
            self.trace_id, listed = take_trace(listed)
        # 0 = it leaves that to its deployment.
        self.timeout_seconds = 0.0
        # 0 = whichever.
        self.revision = 0
        # Why it leads nowhere.
        self.problem: HomeportError | None = None
        try:
            self.timeout_seconds = self._timeout(fields)
            if REVISION_HEADER in fields:
                self.revision = _revision(fields[REVISION_HEADER])
            self.to = self._direction(head, fields.get(DEPLOYMENT_HEADER))
        except HomeportError as problem:
            # It is kept: not so the frames that it came through.
            self.problem = problem.with_traceback(None)
            self.to = Direction("health", "", head.target)
        lines = block([field for field in listed if field[0] not in self.not_forwarded])
        if head.takes_trailers:
            lines += b"te: trailers\r\nconnection: te\r\n"
        self.start = b"%b %b HTTP/1.1\r\n%bx-request-id: " % (head.method, self.to.target, lines)

    def with_model(self, name: str) -> "Heading":
        """The same, but for the model that its target names."""
        other = copy(self)
        other.to = self.to.with_model(name)
        other.start = self.start.replace(b" %b " % self.to.target, b" %b " % other.to.target, 1)
        return other

    def _timeout(self, fields: dict[bytes, bytes]) -> float:
        """Raises INVALID_ARGUMENT."""
        return _shortest([_seconds(name, fields[name]) for name in TIMEOUT_HEADERS if name in fields])

    def _direction(self, head: RequestHead, deployment: bytes | None) -> Direction:
        """Raises NOT_FOUND, METHOD_NOT_ALLOWED."""
        return direction_of(head, deployment)


def heading_of(head: RequestHead) -> Heading:
    """Remembered as the head's meaning."""
    heading = head.meaning = Heading(head)
    return heading


def _revision(given: bytes) -> int:
    """Raises INVALID_ARGUMENT."""
    if not given.isdigit() or not (number := int(given[:10])) > 0:
        raise HomeportError(
            ErrorCode.INVALID_ARGUMENT,
            "the header X-Homeport-Revision is not the number of a revision",
            hint="write 'X-Homeport-Revision: 4', or leave it out: then the deployment's shares decide",
        )
    return number


def _shortest(seconds: list[float]) -> float:
    """0 says nothing."""
    return min((each for each in seconds if each), default=0.0)


def _seconds(name: bytes, given: bytes) -> float:
    """Raises INVALID_ARGUMENT."""
    try:
        seconds = float(given)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= 86_400:
        raise HomeportError(
            ErrorCode.INVALID_ARGUMENT,
            f"the header {name.decode().title()} is not a number of seconds from 0 to 86400",
            hint=f"write '{name.decode().title()}: 30', or leave it out: then the deployment's own limit holds",
        )
    return seconds

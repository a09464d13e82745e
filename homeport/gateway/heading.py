"""A request's head as the gateway reads it: where it goes, and what of it goes on. Made once per different head."""

from homeport.core.errors import HomeportError
from homeport.gateway.direction import DEPLOYMENT_HEADER, Direction, direction_of
from homeport.http1.head import RequestHead, block

# Of this hop only. The token in particular never leaves the gateway.
_NOT_FORWARDED = frozenset((b"authorization", b"x-request-id", DEPLOYMENT_HEADER))


class Heading:
    """`start` are request line and header lines as the model server gets them, up to the request's id."""

    __slots__ = ("authorization", "given_id", "has_idempotency_key", "is_json", "problem", "start", "to")

    def __init__(self, head: RequestHead) -> None:
        fields = dict(head.fields)
        self.authorization = fields.get(b"authorization")
        self.given_id = fields.get(b"x-request-id")
        self.has_idempotency_key = b"idempotency-key" in fields
        self.is_json = fields.get(b"content-type", b"").startswith(b"application/json")
        # Why it leads nowhere.
        self.problem: HomeportError | None = None
        try:
            self.to = direction_of(head, fields.get(DEPLOYMENT_HEADER))
        except HomeportError as problem:
            # It is kept: not so the frames that it came through.
            self.problem = problem.with_traceback(None)
            self.to = Direction("health", "", b"")
        lines = block([field for field in head.fields if field[0] not in _NOT_FORWARDED])
        self.start = b"%b %b HTTP/1.1\r\n%bx-request-id: " % (head.method, self.to.target, lines)


def heading_of(head: RequestHead) -> Heading:
    """Remembered as the head's meaning."""
    heading = head.meaning = Heading(head)
    return heading

"""Header lines behind a chunked body (RFC 9110, 6.5): what may stand there, and nothing else goes on."""

import re

from homeport.http1.head import HOP_AND_FRAMING, Fields, block

_NAME = re.compile(rb"[!#$%&'*+.^`|~0-9a-z-]+")
_VALUE = re.compile(rb"[^\x00-\x08\x0a-\x1f\x7f]*")
# Whoever reads these reads them before the body, to route, allow, frame or decode it; too late they are a trick.
_FORBIDDEN = HOP_AND_FRAMING | {
    b"age",
    b"authorization",
    b"cache-control",
    b"content-encoding",
    b"content-range",
    b"content-type",
    b"cookie",
    b"date",
    b"expires",
    b"location",
    b"max-forwards",
    b"range",
    b"retry-after",
    b"set-cookie",
    b"vary",
    b"warning",
    b"www-authenticate",
    b"x-request-id",
}
_FORBIDDEN_PREFIXES = (b"x-homeport-", b"x-forwarded-", b"if-", b"hp-")
_MOST = 32
_LONGEST = 8 * 1024


def trailer_block(fields: Fields) -> bytes:
    """The lines of those that may go on, without the empty line; b"" for none, and for more than is sensible."""
    good = block([field for field in fields if _may_follow(*field)]) if len(fields) <= _MOST else b""
    return good if len(good) <= _LONGEST else b""


def _may_follow(name: bytes, value: bytes) -> bool:
    is_proper = _NAME.fullmatch(name) is not None and _VALUE.fullmatch(value) is not None
    return is_proper and name not in _FORBIDDEN and not name.startswith(_FORBIDDEN_PREFIXES)

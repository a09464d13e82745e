"""Request targets: one form is accepted, so that routing and the model server read the same path."""

import re
from urllib.parse import unquote_to_bytes

from homeport.http1.errors import ProtocolError

# Visible ASCII without what no path or query may carry raw.
_ALLOWED = re.compile(rb"/[!$-;=?-\[\]_a-z~|{}^`\"]*")
_BAD_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})|%00")
_SEPARATORS = re.compile(rb"[/\\]")


def check_target(target: bytes) -> bytes:
    """The path of an origin-form target, still percent-encoded. Raises ProtocolError(400)."""
    if _ALLOWED.fullmatch(target) is None:
        raise ProtocolError(400, "the request target must be a path", "begin it with '/', without scheme and host")
    path = target.partition(b"?")[0]
    if b"//" in path:
        raise ProtocolError(400, "the path has an empty segment ('//')", "remove the doubled slash")
    if b"%" in path:
        if _BAD_ESCAPE.search(path):
            raise ProtocolError(400, "the path has an invalid percent-escape")
        plain = unquote_to_bytes(path)
    else:
        plain = path
    # Some servers take `..;x` for `..` with a parameter.
    if b"." in plain and any(part.partition(b";")[0] in (b".", b"..") for part in _SEPARATORS.split(plain)):
        raise ProtocolError(400, "the path has a '.' or '..' segment", "send the path that they lead to")
    return path

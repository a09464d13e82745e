"""X-Request-Id: the client's where it is sane, else one of ours."""

import itertools
import re
import secrets

_SANE = re.compile(rb"[A-Za-z0-9._:/+=-]{1,128}")


class RequestIds:
    def __init__(self) -> None:
        self._prefix = secrets.token_hex(5).encode()
        self._numbers = itertools.count(1)

    def of(self, given: bytes | None) -> bytes:
        if given is not None and _SANE.fullmatch(given):
            return given
        return b"%b-%x" % (self._prefix, next(self._numbers))

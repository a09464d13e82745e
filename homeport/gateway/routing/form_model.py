"""The field `model` of a multipart/form-data body, found while the body comes."""

import re
from email.errors import MessageError
from email.message import Message
from email.parser import BytesParser

_LONGEST_HEADERS = 8 * 1024
_LONGEST_NAME = 1024
# Before the field.
_MOST_PARTS = 100
_BOUNDARY = re.compile(r"[0-9A-Za-z'()+_,./:=? -]{1,70}")


def boundary_of(content_type: bytes) -> bytes:
    """b"" for a body that is no form."""
    if not content_type.lower().startswith(b"multipart/form-data"):
        return b""
    message = Message()
    message["content-type"] = content_type.decode("latin-1")
    boundary = message.get_boundary("")
    return boundary.encode() if _BOUNDARY.fullmatch(boundary) else b""


class FormModel:
    """feed() what comes until `is_decided`; `model` is "" where there is none so far. Holds all that it was fed."""

    def __init__(self, boundary: bytes) -> None:
        self.is_decided = False
        self.model = ""
        # The delimiter's line end before the first one is ours.
        self._held = bytearray(b"\r\n")
        self._delimiter = b"\r\n--" + boundary
        # From where to look: for a delimiter, or for the end of a part's headers.
        self._at = 0
        self._in_headers = False
        self._parts = 0
        self._value = (0, 0)

    def feed(self, data: bytes) -> None:
        self._held += data
        while not self.is_decided and (self._read_headers() if self._in_headers else self._read_part()):
            pass

    def body(self, model: str) -> bytes:
        """What was fed; with `model`, where that is not empty, in place of the one that was found."""
        start, end = self._value
        if model and end:
            return bytes(self._held[2:start]) + model.encode() + bytes(self._held[end:])
        return bytes(self._held[2:])

    def _read_part(self) -> bool:
        """The rest of a part, up to the headers of the next. False: more must come."""
        held, delimiter = self._held, self._delimiter
        found = held.find(delimiter, self._at)
        if found < 0:
            self._at = max(self._at, len(held) - len(delimiter))
            self.is_decided = self._value[0] > 0 and len(held) - self._value[0] > _LONGEST_NAME + len(delimiter)
            return False
        end = found + len(delimiter)
        if len(held) < end + 2:
            return False
        if self._value[0]:
            self._decide(found)
        elif held[end : end + 2] == b"\r\n":
            # These two end the headers, too, where there are none.
            self._at, self._in_headers = end, True
            self._parts += 1
            self.is_decided = self._parts > _MOST_PARTS
        elif held[end : end + 2] == b"--":
            self.is_decided = True
        else:
            self._at = end
        return True

    def _read_headers(self) -> bool:
        held = self._held
        end = held.find(b"\r\n\r\n", self._at)
        if end < 0 or end - self._at > _LONGEST_HEADERS:
            self.is_decided = len(held) - self._at > _LONGEST_HEADERS
            return False
        if _field_name(bytes(held[self._at + 2 : end])) == "model":
            self._value = (end + 4, 0)
        self._at, self._in_headers = end + 2, False
        return True

    def _decide(self, end: int) -> None:
        self.is_decided = True
        start = self._value[0]
        value = bytes(self._held[start:end]).decode("utf-8", "replace")
        if 0 < len(value) <= _LONGEST_NAME:
            self.model, self._value = value, (start, end)


def _field_name(headers: bytes) -> str:
    try:
        name = BytesParser().parsebytes(headers, headersonly=True).get_param("name", "", "content-disposition")
    except (MessageError, ValueError):
        return ""
    return name if isinstance(name, str) else ""

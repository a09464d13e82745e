"""Header blocks: HPACK both ways, gathered from HEADERS and CONTINUATION frames (RFC 9113 sections 4.3, 6.10, 8)."""

import hpack

from homeport.http2.errors import COMPRESSION_ERROR, ENHANCE_YOUR_CALM, Http2Error
from homeport.http2.settings import MAX_HEADER_LIST

Headers = list[tuple[bytes, bytes]]

_MAX_BLOCK = 32 * 1024
_MAX_TABLE = 4096
_PSEUDO_OF_REQUEST = frozenset((b":method", b":scheme", b":path", b":authority"))
_NEEDED = frozenset((b":method", b":scheme", b":path"))
_PSEUDO_OF_EXTENDED = _PSEUDO_OF_REQUEST | {b":protocol"}
_PSEUDO_OF_RESPONSE = frozenset((b":status",))
_FORBIDDEN = frozenset((b"connection", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"upgrade"))


class HeaderDecoder:
    def __init__(self) -> None:
        self._decoder = hpack.Decoder(max_header_list_size=MAX_HEADER_LIST)

    def decode(self, block: bytes) -> Headers:
        """Raises Http2Error: the compression state is shared, so the connection cannot go on."""
        try:
            return [(bytes(name), bytes(value)) for name, value in self._decoder.decode(block, raw=True)]
        except hpack.OversizedHeaderListError as error:
            raise Http2Error(ENHANCE_YOUR_CALM, f"headers of more than {MAX_HEADER_LIST} bytes") from error
        except hpack.HPACKError as error:
            raise Http2Error(COMPRESSION_ERROR, f"a header block cannot be read: {error}") from error


class HeaderEncoder:
    def __init__(self) -> None:
        self._encoder = hpack.Encoder()

    def resize(self, size: int) -> None:
        """What the other end is ready to remember."""
        self._encoder.header_table_size = min(size, _MAX_TABLE)

    def encode(self, headers: Headers) -> bytes:
        return self._encoder.encode(headers)


class OpenBlock:
    """A header block whose end has not arrived. Nothing else may come between."""

    __slots__ = ("_block", "last", "stream_id")

    def __init__(self, stream_id: int, last: bool) -> None:
        self.stream_id = stream_id
        self.last = last
        self._block = bytearray()

    def add(self, fragment: bytes) -> None:
        """Raises Http2Error."""
        self._block += fragment
        if len(self._block) > _MAX_BLOCK:
            raise Http2Error(ENHANCE_YOUR_CALM, f"a header block of more than {_MAX_BLOCK} bytes")

    def whole(self) -> bytes:
        return bytes(self._block)


def is_request(headers: Headers, extended_connect: bool = False) -> bool:
    """Well formed (RFC 9113 section 8.3.1); of CONNECT only the extended one (RFC 8441), where that is spoken."""
    pseudo = _pseudo(headers, _PSEUDO_OF_EXTENDED if extended_connect else _PSEUDO_OF_REQUEST)
    if pseudo is None or not pseudo.keys() >= _NEEDED or not pseudo[b":path"]:
        return False
    return b":protocol" not in pseudo or (pseudo[b":method"] == b"CONNECT" and b":authority" in pseudo)


def is_response(headers: Headers) -> bool:
    pseudo = _pseudo(headers, _PSEUDO_OF_RESPONSE)
    return pseudo is not None and pseudo.get(b":status", b"").isdigit()


def are_trailers(headers: Headers) -> bool:
    return _pseudo(headers, frozenset()) == {}


def _pseudo(headers: Headers, allowed: frozenset[bytes]) -> dict[bytes, bytes] | None:
    """The pseudo headers; None when the headers are malformed."""
    found: dict[bytes, bytes] = {}
    regular = False
    for name, value in headers:
        if name.startswith(b":"):
            if regular or name in found or name not in allowed:
                return None
            found[name] = value
        else:
            regular = True
            if not name or name != name.lower() or name in _FORBIDDEN or (name == b"te" and value != b"trailers"):
                return None
    return found

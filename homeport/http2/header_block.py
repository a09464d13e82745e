"""Header blocks as they come: gathered from HEADERS and CONTINUATION, and read (RFC 9113 sections 4.3, 6.10, 8)."""

from enum import Enum, auto
from typing import Any

import hpack
from hpack.table import HeaderTable

from homeport.http2.errors import COMPRESSION_ERROR, ENHANCE_YOUR_CALM, Http2Error
from homeport.http2.settings import MAX_HEADER_LIST

Headers = list[tuple[bytes, bytes]]

_MAX_BLOCK = 32 * 1024
# Blocks of a connection that are remembered, and the bytes of the longest.
_MOST_KNOWN = 32
_LONGEST_KNOWN = 1024
# The first bytes of blocks that begin with one.
_TABLE_SIZE_UPDATES = frozenset(bytes((first,)) for first in range(0x20, 0x40))
_NEEDED = frozenset((b":method", b":scheme", b":path"))
_OF_REQUEST = _NEEDED | {b":authority", b":protocol"}
_OF_RESPONSE = frozenset((b":status",))
_FORBIDDEN = frozenset((b"connection", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"upgrade"))


class Kind(Enum):
    REQUEST = auto()
    # An extended CONNECT (RFC 8441).
    TALK = auto()
    RESPONSE = auto()
    TRAILERS = auto()
    MALFORMED = auto()


class Block(Headers):
    """One that was read. Equal ones may be one: change nothing. `meaning` is what the application has made of it, kept
    here to be made once."""

    __slots__ = ("kind", "meaning")

    def __init__(self, headers: Headers) -> None:
        super().__init__(headers)
        self.kind = kind_of(headers)
        self.meaning: Any = None


class HeaderDecoder:
    def __init__(self) -> None:
        self._decoder = hpack.Decoder(max_header_list_size=MAX_HEADER_LIST)
        self._table = self._decoder.header_table = _WatchedTable()
        # What was read as the table stands now: who calls again and again says the same bytes.
        self._known: dict[bytes, Block] = {}

    def decode(self, block: bytes) -> Block:
        """Raises Http2Error: the compression state is shared, so the connection cannot go on."""
        known = self._known.get(block)
        if known is not None:
            return known
        self._table.changed = block[:1] in _TABLE_SIZE_UPDATES
        try:
            read = Block([(bytes(name), bytes(value)) for name, value in self._decoder.decode(block, raw=True)])
        except hpack.OversizedHeaderListError as error:
            raise Http2Error(ENHANCE_YOUR_CALM, f"headers of more than {MAX_HEADER_LIST} bytes") from error
        except hpack.HPACKError as error:
            raise Http2Error(COMPRESSION_ERROR, f"a header block cannot be read: {error}") from error
        if self._table.changed or len(self._known) >= _MOST_KNOWN:
            self._known.clear()
        if not self._table.changed and len(block) <= _LONGEST_KNOWN:
            self._known[block] = read
        return read


class _WatchedTable(HeaderTable):
    changed = False

    def add(self, name: bytes, value: bytes) -> None:
        self.changed = True
        super().add(name, value)


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


def kind_of(headers: Headers) -> Kind:
    """What it is, well formed (RFC 9113 section 8.3)."""
    pseudo = _pseudo(headers)
    if pseudo is None:
        return Kind.MALFORMED
    if not pseudo:
        return Kind.TRAILERS
    names = pseudo.keys()
    if names == _OF_RESPONSE:
        return Kind.RESPONSE if pseudo[b":status"].isdigit() else Kind.MALFORMED
    if not names >= _NEEDED or not pseudo[b":path"] or not names <= _OF_REQUEST:
        return Kind.MALFORMED
    if b":protocol" not in names:
        return Kind.REQUEST
    return Kind.TALK if pseudo[b":method"] == b"CONNECT" and b":authority" in names else Kind.MALFORMED


def _pseudo(headers: Headers) -> dict[bytes, bytes] | None:
    """The pseudo headers; None when the headers are malformed."""
    found: dict[bytes, bytes] = {}
    regular = False
    for name, value in headers:
        if name.startswith(b":"):
            if regular or name in found:
                return None
            found[name] = value
        else:
            regular = True
            if not name or name != name.lower() or name in _FORBIDDEN or (name == b"te" and value != b"trailers"):
                return None
    return found

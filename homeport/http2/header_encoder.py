"""HPACK (RFC 7541) without a memory: fields of the static table by their index, all others as they are.

The same field is always the same bytes, so those of most fields are made once. What a table that learns would save on
the wire costs several times that in time, with each head, and at both ends.
"""

from functools import lru_cache

from hpack.hpack import encode_integer
from hpack.table import HeaderTable

from homeport.http2.header_block import Headers

# Said once: the other end need not keep a table for this one, whatever size it offers.
_NO_TABLE = b"\x20"
_INDEXED, _INDEX_BITS = 0x80, 7
# "Without indexing": it changes no table.
_NAME_BITS, _LENGTH_BITS = 4, 7
_LONG = 2**_LENGTH_BITS - 1

_FIELDS = {field: number for number, field in reversed(list(enumerate(HeaderTable.STATIC_TABLE, 1)))}
_NAMES = {name: number for (name, _), number in _FIELDS.items()}


class HeaderEncoder:
    def __init__(self) -> None:
        self._opening = _NO_TABLE

    def encode(self, headers: Headers) -> bytes:
        opening, self._opening = self._opening, b""
        return opening + b"".join(map(_field, headers))


@lru_cache(maxsize=512)
def _field(field: tuple[bytes, bytes]) -> bytes:
    known = _FIELDS.get(field)
    if known is not None:
        first = encode_integer(known, _INDEX_BITS)
        first[0] |= _INDEXED
        return bytes(first)
    name, value = field
    number = _NAMES.get(name, 0)
    literal = encode_integer(number, _NAME_BITS)
    if not number:
        literal += _text(name)
    return bytes(literal + _text(value))


def _text(text: bytes) -> bytes:
    size = len(text)
    # One byte says it of nearly all.
    return (bytes((size,)) if size < _LONG else bytes(encode_integer(size, _LENGTH_BITS))) + text

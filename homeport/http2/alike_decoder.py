"""Header blocks of connections that all begin alike, as those of agents do: by the thousand, and most say no more."""

from functools import lru_cache

from homeport.http2.header_block import Block, HeaderDecoder

# Releases of agents times addresses that they dial.
_FIRST_BLOCKS = 64


class AlikeDecoder:
    """A HeaderDecoder whose first block is looked up among those of other connections, and read into a state of its own
    once another one follows."""

    __slots__ = ("_decoder", "_first")

    def __init__(self) -> None:
        self._first: bytes | None = None
        self._decoder: HeaderDecoder | None = None

    def decode(self, block: bytes) -> Block:
        """Raises Http2Error, like HeaderDecoder."""
        if self._first is None:
            self._first = block
            return _first_block(block)
        if self._decoder is None:
            self._decoder = HeaderDecoder()
            self._decoder.decode(self._first)
        return self._decoder.decode(block)


@lru_cache(maxsize=_FIRST_BLOCKS)
def _first_block(block: bytes) -> Block:
    return HeaderDecoder().decode(block)

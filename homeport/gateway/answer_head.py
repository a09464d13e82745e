"""Answer heads that come from a node: checked, because a client's framing depends on them."""

import re

# Header lines only, lower-case names, and none that frames the message: that is the gateway's own.
_BLOCK = re.compile(
    rb"(?:(?!content-length:|transfer-encoding:|connection:|keep-alive:|upgrade:|trailer:)"
    rb"[!#$%&'*+.^`|~0-9a-z-]+: [^\x00-\x08\x0a-\x1f\x7f]*\r\n)*"
)
_REMEMBERED = 1024


class HeadCheck:
    """Remembers what it has found good: a model server's heads differ little."""

    def __init__(self) -> None:
        self._good: set[bytes] = set()

    def is_good(self, status: int, block: bytes) -> bool:
        if not 200 <= status <= 599:
            return False
        return block in self._good or self.is_good_block(block)

    def is_good_block(self, block: bytes) -> bool:
        if _BLOCK.fullmatch(block) is None:
            return False
        if len(self._good) >= _REMEMBERED:
            self._good.clear()
        if len(block) < 4096:
            self._good.add(block)
        return True

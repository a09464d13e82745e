"""Heads that were read before: whoever keeps a connection sends the same one again, but for its Content-Length."""

from typing import Generic, TypeVar

from homeport.http1.remembered import Remembered

H = TypeVar("H")

# As nearly everybody spells them; other spellings are read each time.
_NAMES = (b"ontent-Length: ", b"ontent-length: ")
_NAME_SIZE = len(_NAMES[0])
_LONGEST = 4096
_MOST_DIGITS = 18


class KnownHeads(Generic[H]):
    """Only heads that the parser has accepted are learnt. What is found differs from such a one in the digits of its
    only Content-Length line or in nothing, so all that was checked then holds now.
    """

    def __init__(self) -> None:
        self._known: Remembered[bytes, tuple[H, int]] = Remembered()

    def find(self, raw: bytes) -> tuple[H, int] | None:
        """The head with its empty line -> what it was read as, and the length of the body at hand as in head.py."""
        start = _digits_start(raw)
        if start < 0:
            return self._known.get(raw)
        end = raw.find(b"\r", start)
        digits = raw[start:end]
        if end - start > _MOST_DIGITS or not digits.isdigit():
            return None
        known = self._known.get(raw[:start] + raw[end:])
        return None if known is None else (known[0], int(digits))

    def learn(self, raw: bytes, head: H, length: int) -> None:
        if len(raw) > _LONGEST:
            return
        start = _digits_start(raw)
        if start < 0:
            self._known.put(raw, (head, length))
            return
        end = raw.find(b"\r", start)
        # Not if these digits are part of another header, or of none that frames the body.
        named = raw[start - _NAME_SIZE - 3 : start - _NAME_SIZE].lower() == b"\r\nc"
        if named and raw[start:end] == b"%d" % length:
            self._known.put(raw[:start] + raw[end:], (head, length))


def _digits_start(raw: bytes) -> int:
    """Behind the first place where Content-Length is named; negative where it is not.

    Heads that are equal without what follows there up to the line's end have that place in common: so they are equal
    but for that.
    """
    at = raw.find(_NAMES[0])
    if at < 0:
        at = raw.find(_NAMES[1])
        if at < 0:
            return -1
    return at + _NAME_SIZE

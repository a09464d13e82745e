"""What a store keeps of objects: JSON, and values exactly as they are read back from it.

msgspec is several times faster than the standard library, and turns into null what JSON cannot hold.
"""

import json
from typing import Any

import msgspec


def plain(value: dict[str, Any]) -> dict[str, Any]:
    """A copy, exactly as it will be read back after a restart. Raises TypeError, ValueError for what JSON cannot
    hold."""
    try:
        copy: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(value))
    except (TypeError, ValueError, msgspec.MsgspecError):
        copy = {}
    # Not equal where there is a tuple, a key that is no text, or something that became null.
    return copy if copy == value else json.loads(json.dumps(value, allow_nan=False))


def text_of(value: dict[str, Any]) -> str:
    """Of what `plain` gave."""
    try:
        return msgspec.json.encode(value).decode()
    except (TypeError, ValueError, msgspec.MsgspecError):
        return json.dumps(value)

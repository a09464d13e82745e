"""Request bodies and queries, as strict as the schema."""

import json
from typing import Any

from aiohttp import web

from homeport.core.errors import ErrorCode, HomeportError

MAX_BODY = 1024 * 1024


async def read_json(request: web.Request) -> Any:
    """Raises UNSUPPORTED_MEDIA_TYPE, PAYLOAD_TOO_LARGE, INVALID_ARGUMENT."""
    if request.content_type != "application/json":
        given = request.headers.get("Content-Type", "none")
        raise HomeportError(
            ErrorCode.UNSUPPORTED_MEDIA_TYPE,
            f"the body's content type must be application/json, got {given}",
            hint="send the header Content-Type: application/json",
        )
    try:
        text = (await request.read()).decode()
    except web.HTTPRequestEntityTooLarge:
        raise HomeportError(
            ErrorCode.PAYLOAD_TOO_LARGE,
            f"the body is larger than {MAX_BODY} bytes",
            hint="split it: apply takes documents in several requests, too",
        ) from None
    except UnicodeDecodeError as error:
        raise _not_json(f"not UTF-8 at byte {error.start}") from None
    return parse_json(text)


def parse_json(text: str) -> Any:
    """Raises INVALID_ARGUMENT."""
    try:
        return json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant)
    except RecursionError:
        raise _not_json("nested too deeply") from None
    except ValueError as error:
        raise _not_json(str(error)) from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """JSON parsers silently take the last of two equal keys; a person meant one of them."""
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"key {key!r} appears twice in one object")
        found[key] = value
    return found


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON number")


def _not_json(why: str) -> HomeportError:
    return HomeportError(ErrorCode.INVALID_ARGUMENT, f"the body is not JSON: {why}", hint="send one JSON object")

"""The `model` field of a JSON body: what a request without a deployment in its path is routed by."""

import json
from typing import Any

from homeport.core.errors import ErrorCode, HomeportError

_BLANKS = " \t\n\r"
_raw_decode = json.JSONDecoder().raw_decode

# Bodies up to here are held to be read; larger ones need the deployment in header or path.
MAX_BODY = 1024 * 1024

_ELSE = "or name the deployment in the X-Homeport-Deployment header or the path /d/{deployment}/"


def read_model(body: bytes) -> tuple[str, dict[str, Any]]:
    """(model, the parsed body). Raises HomeportError(INVALID_ARGUMENT)."""
    try:
        document = _parse(body)
    except (ValueError, RecursionError) as error:
        raise HomeportError(
            ErrorCode.INVALID_ARGUMENT, f"the body is not JSON: {error}", hint=f"send a JSON object, {_ELSE}"
        ) from None
    model = document.get("model") if isinstance(document, dict) else None
    if not isinstance(model, str) or not model:
        raise HomeportError(
            ErrorCode.INVALID_ARGUMENT,
            "the body has no `model`",
            hint=f"set it to a deployment or model of GET /v1/models, {_ELSE}",
            path="model",
        )
    return model, document


def _parse(body: bytes) -> Any:
    """As json.loads, without what that does before it begins: every request pays for this."""
    text = body.decode().strip(_BLANKS)
    document, end = _raw_decode(text)
    if end != len(text):
        raise ValueError(f"extra data at character {end}")
    return document


def with_model(document: dict[str, Any], model: str) -> bytes:
    return json.dumps(document | {"model": model}, ensure_ascii=False, separators=(",", ":")).encode()


def too_large() -> HomeportError:
    return HomeportError(
        ErrorCode.PAYLOAD_TOO_LARGE,
        f"bodies over {MAX_BODY} bytes are not read for their `model`",
        hint=f"make it smaller, {_ELSE}",
    )

"""The `model` field of a JSON body: what a request without a deployment in its path is routed by."""

import json
from typing import Any

import msgspec

from homeport.core.errors import ErrorCode, HomeportError


class _Routed(msgspec.Struct):
    model: str


# Builds nothing of what it passes over.
_decode = msgspec.json.Decoder(_Routed).decode

# Bodies up to here are held to be read; larger ones need the deployment in header or path.
MAX_BODY = 1024 * 1024

_ELSE = "or name the deployment in the X-Homeport-Deployment header or the path /d/{deployment}/"


def read_model(body: bytes) -> str:
    """ "" where it names none. Raises HomeportError(INVALID_ARGUMENT)."""
    model: object
    try:
        model = _decode(body).model
    except (msgspec.DecodeError, RecursionError):
        # Perhaps only stricter than model servers are: half an emoji, a NaN.
        document = _parse(body)
        model = document.get("model", "") if isinstance(document, dict) else None
    if not isinstance(model, str):
        raise HomeportError(
            ErrorCode.INVALID_ARGUMENT,
            "the body has no `model` that is a string",
            hint=f"set it to a deployment or model of GET /v1/models, {_ELSE}",
            path="model",
        )
    return model


def with_model(body: bytes, model: str) -> bytes:
    """Of a body whose model was read. Raises HomeportError(INVALID_ARGUMENT)."""
    document = _parse(body) | {"model": model}
    # Half a surrogate pair stays the escape that it was.
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode(errors="backslashreplace")


def _parse(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise HomeportError(
            ErrorCode.INVALID_ARGUMENT, f"the body is not JSON: {error}", hint=f"send a JSON object, {_ELSE}"
        ) from None


def too_large() -> HomeportError:
    return HomeportError(
        ErrorCode.PAYLOAD_TOO_LARGE,
        f"no `model` is in the first {MAX_BODY >> 20} MiB of the body, and no more is read for it",
        hint=f"make it smaller, put `model` before what is long, {_ELSE}",
    )

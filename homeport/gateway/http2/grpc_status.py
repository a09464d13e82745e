"""Errors as gRPC's clients read them: a status and a message, in trailers."""

from homeport.core.errors import ErrorCode, HomeportError
from homeport.http1.head import block
from homeport.http2.status import Status, trailers

_FAILED_PRECONDITION = 9
_RESOURCE_EXHAUSTED = 8
_UNAVAILABLE = 14
_UNIMPLEMENTED = 12

GRPC_STATUS: dict[ErrorCode, int] = {
    ErrorCode.INVALID_ARGUMENT: 3,
    ErrorCode.UNAUTHENTICATED: 16,
    ErrorCode.PERMISSION_DENIED: 7,
    ErrorCode.NOT_FOUND: 5,
    ErrorCode.METHOD_NOT_ALLOWED: _UNIMPLEMENTED,
    ErrorCode.ALREADY_EXISTS: 6,
    ErrorCode.CONFLICT: _FAILED_PRECONDITION,
    ErrorCode.IN_USE: _FAILED_PRECONDITION,
    ErrorCode.PAYLOAD_TOO_LARGE: _RESOURCE_EXHAUSTED,
    ErrorCode.UNSUPPORTED_MEDIA_TYPE: _UNIMPLEMENTED,
    ErrorCode.TOO_MANY_REQUESTS: _RESOURCE_EXHAUSTED,
    ErrorCode.RATE_LIMIT_EXCEEDED: _RESOURCE_EXHAUSTED,
    ErrorCode.INSUFFICIENT_QUOTA: _RESOURCE_EXHAUSTED,
    ErrorCode.INTERNAL: 13,
    ErrorCode.UPSTREAM_FAILED: _UNAVAILABLE,
    ErrorCode.UNAVAILABLE: _UNAVAILABLE,
    ErrorCode.DEADLINE_EXCEEDED: 4,
    ErrorCode.STORAGE_FULL: _RESOURCE_EXHAUSTED,
}

CONTENT_TYPE = b"content-type: application/grpc\r\n"
OK_LINES = b"grpc-status: 0\r\n"


def status_lines(error: HomeportError) -> bytes:
    """Header lines: of trailers, or of an answer that is nothing else."""
    text = f"{error.message}; {error.hint}" if error.hint else error.message
    return block(trailers(Status(GRPC_STATUS[error.code], text)))

"""The one error type of the project and its codes. Who speaks HTTP or gRPC maps a code to a status, once."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any


class ErrorCode(StrEnum):
    INVALID_ARGUMENT = "invalid_argument"
    UNAUTHENTICATED = "unauthenticated"
    PERMISSION_DENIED = "permission_denied"
    NOT_FOUND = "not_found"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    ALREADY_EXISTS = "already_exists"
    CONFLICT = "conflict"
    IN_USE = "in_use"
    PAYLOAD_TOO_LARGE = "payload_too_large"
    UNSUPPORTED_MEDIA_TYPE = "unsupported_media_type"
    TOO_MANY_REQUESTS = "too_many_requests"
    RATE_LIMIT_EXCEEDED = "rate_limit_exceeded"
    INSUFFICIENT_QUOTA = "insufficient_quota"
    UNAVAILABLE = "unavailable"
    DEADLINE_EXCEEDED = "deadline_exceeded"
    UPSTREAM_FAILED = "upstream_failed"
    STORAGE_FULL = "storage_full"
    INTERNAL = "internal"


class HomeportError(Exception):
    """A failure that a person can act on.

    `message` says what is wrong, `hint` how to mend it, `path` which field it is
    (`deployment.autoscale_config.max_replicas`); `retry_after_seconds` is set where waiting helps. `details` are for
    programs: what an edit collides with.
    """

    def __init__(
        self,
        code: ErrorCode,
        message: str,
        *,
        hint: str = "",
        path: str = "",
        retry_after_seconds: float | None = None,
        details: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint
        self.path = path
        self.retry_after_seconds = retry_after_seconds
        self.details = dict(details or {})

    def with_path(self, path: str) -> "HomeportError":
        """The same failure, told of another field."""
        return HomeportError(
            self.code,
            self.message,
            hint=self.hint,
            path=path,
            retry_after_seconds=self.retry_after_seconds,
            details=self.details,
        )

    def __str__(self) -> str:
        where = f"{self.path}: " if self.path else ""
        fix = f" ({self.hint})" if self.hint else ""
        return f"{where}{self.message}{fix}"

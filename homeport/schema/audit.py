"""The audit log, as the API answers it."""

from typing import Any, Literal

from homeport.schema.answer import Answer


class AuditLogEntry(Answer):
    """One object that one request has changed, or one request that was denied."""

    number: int
    """Rises with every entry."""
    at: float
    """Unix seconds."""
    actor: str
    """`user/admin`, `service_account/ci`, `join_token/ID`; empty for somebody unknown."""
    token_id: str
    address: str
    """Where the connection came from."""
    request_id: str
    request: str
    """Method and path."""
    action: str
    """create, edit, delete, sign-in, sign-out; of what was denied: sign-in or request."""
    kind: str
    object_id: str
    result: Literal["done", "denied"]
    reason: str
    """Of a denial."""
    before: dict[str, Any] | None
    """What it was, null if it was not there; of an edit the fields that differ. Secrets are left out."""
    after: dict[str, Any] | None

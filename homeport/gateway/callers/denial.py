"""What a gateway refused to whom, for whoever keeps the audit log."""

from dataclasses import dataclass

from homeport.core.errors import ErrorCode


@dataclass(frozen=True, slots=True)
class Denial:
    """`token_id` is empty where the token was not valid. `request` is method and path; no text of a token is in it."""

    token_id: str
    address: str
    request_id: str
    request: str
    code: ErrorCode
    message: str
    # Unix seconds; 0 = just now.
    time: float = 0.0
    # The node whose local gateway it was; empty = none.
    node_id: str = ""

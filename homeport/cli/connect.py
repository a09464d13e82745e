"""From `--context` to a client."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from homeport.client.sync_client import Client


def connect(context: str) -> "Client":
    from homeport.client.contexts import resolve_context

    resolved = resolve_context(context or None)

    from homeport.client.sync_client import Client

    return Client(resolved)

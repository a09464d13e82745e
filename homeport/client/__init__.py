"""The Python SDK over the REST API.

    from homeport.client import Client

    with Client() as homeport:                       # the CLI's current context, or HOMEPORT_API and HOMEPORT_TOKEN
        for deployment in homeport.deployments.list():
            print(deployment.id, deployment.status["phase"])
        for text in homeport.chat("smollm2-chat", [{"role": "user", "content": "Hello!"}]):
            print(text, end="")

`AsyncClient` has the same methods for asyncio. Every failure is a `homeport.core.errors.HomeportError`.
Names are imported when they are first used, so that reading a context does not load the HTTP library.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from homeport.client.async_client import AsyncClient
    from homeport.client.contexts import Context, resolve_context
    from homeport.client.resource import Applied, Resource
    from homeport.client.sync_client import Client

_HOME = {
    "Applied": "homeport.client.resource",
    "AsyncClient": "homeport.client.async_client",
    "Client": "homeport.client.sync_client",
    "Context": "homeport.client.contexts",
    "Resource": "homeport.client.resource",
    "resolve_context": "homeport.client.contexts",
}

__all__ = ["Applied", "AsyncClient", "Client", "Context", "Resource", "resolve_context"]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)

"""What the shell offers for an id that is being typed: those that the API knows. Any failure = nothing."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import typer

from homeport.cli.nouns import BY_NAME, NODE, Noun
from homeport.core.errors import HomeportError

if TYPE_CHECKING:
    from homeport.client.async_client import AsyncClient

# Somebody waits with a finger on the key.
_SECONDS = 2.0
_OFFERED = 200

Offer = Callable[[typer.Context, str], list[str]]


def ids_of(noun: Noun) -> Offer:
    def offer(ctx: typer.Context, incomplete: str) -> list[str]:
        return _known(noun, incomplete, ctx.params.get("context") or "")

    return offer


def references(ctx: typer.Context, incomplete: str) -> list[str]:
    """KIND/, then KIND/ID."""
    name, slash, beginning = incomplete.partition("/")
    if not slash:
        return [f"{known}/" for known in BY_NAME if known.startswith(name) and "_" not in known]
    known = _known(BY_NAME[name], beginning, ctx.params.get("context") or "") if name in BY_NAME else []
    return [f"{name}/{id}" for id in known]


def _known(noun: Noun, beginning: str, context: str) -> list[str]:
    import asyncio

    from homeport.client.contexts import resolve_context

    async def ask() -> list[str]:
        from homeport.client.async_client import AsyncClient

        async with asyncio.timeout(_SECONDS), AsyncClient(resolve_context(context or None)) as client:
            return await _ids(client, noun, beginning)

    try:
        return asyncio.run(ask())
    except (HomeportError, TimeoutError):
        return []


async def _ids(client: "AsyncClient", noun: Noun, beginning: str) -> list[str]:
    """A model version's begin with its model: that comes first, with its slash."""
    parent, slash, _ = beginning.partition("/")
    of_versions = noun.kind == "model_version"
    if of_versions and slash:
        found = await client.model_versions(parent).list(limit=_OFFERED)
    else:
        collection = client.models if of_versions else getattr(client, noun.attribute)
        found = await collection.list(limit=_OFFERED, q=beginning)
    ids = [str(each.spec["name"]) if noun is NODE else each.id for each in found]
    ids = [f"{id}/" for id in ids] if of_versions and not slash else ids
    return [id for id in ids if id.startswith(beginning)]

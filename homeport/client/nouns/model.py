"""A model, to ask things of."""

from collections.abc import AsyncIterator, Coroutine, Iterator, Mapping, Sequence
from typing import Any, Literal, overload

from homeport.client.async_client import AsyncClient
from homeport.client.blocking import run
from homeport.client.collection import Collection
from homeport.client.contexts import Context
from homeport.client.nouns.named import AsyncNamed, Named
from homeport.client.resource import Resource
from homeport.client.sync_client import Client
from homeport.core.errors import ErrorCode, HomeportError

# A question, or a conversation as in the OpenAI API: [{"role": "user", "content": "..."}].
Prompt = str | Sequence[Mapping[str, Any]]


class AsyncModel(AsyncNamed):
    """`deployment_id` says who answers; without it the model's only or default deployment does."""

    def __init__(
        self, model_id: str = "", user_id: str = "", *, deployment_id: str = "", context: Context | None = None
    ) -> None:
        super().__init__(model_id, user_id, context)
        self.deployment_id = deployment_id

    def collection(self, homeport: AsyncClient) -> Collection:
        return homeport.models

    @overload
    def predict(
        self, prompt: Prompt, *, stream: Literal[False] = False, **options: Any
    ) -> Coroutine[Any, Any, str]: ...

    @overload
    def predict(self, prompt: Prompt, *, stream: Literal[True], **options: Any) -> AsyncIterator[str]: ...

    def predict(
        self, prompt: Prompt, *, stream: bool = False, **options: Any
    ) -> Coroutine[Any, Any, str] | AsyncIterator[str]:
        """Asks a chat model: `await` it for the whole answer, or `stream=True` and `async for` its pieces.

        `options` go into the request: max_tokens=64, temperature=0.
        """
        pieces = self._pieces(prompt, options)
        return pieces if stream else _joined(pieces)

    async def invoke(self, path: str, body: Any) -> Any:
        """POSTs JSON to any path of the model's own server: `invoke("/classify", {...})`."""
        async with self.connect() as homeport:
            return await homeport.invoke(await self._deployment(homeport), path, body)

    async def list_versions(self) -> list[Resource]:
        async with self.connect() as homeport:
            return await homeport.model_versions(self.id).list()

    async def list_deployments(self) -> list[Resource]:
        async with self.connect() as homeport:
            return await homeport.deployments.list(model=self.id)

    async def _pieces(self, prompt: Prompt, options: Mapping[str, Any]) -> AsyncIterator[str]:
        async with self.connect() as homeport:
            async for text in homeport.chat(self.deployment_id or self.id, _as_messages(prompt), **options):
                yield text

    async def _deployment(self, homeport: AsyncClient) -> str:
        """Raises NOT_FOUND, or CONFLICT when several deployments serve the model and none is its default."""
        if self.deployment_id:
            return self.deployment_id
        serving = [found.id for found in await homeport.deployments.list(model=self.id)]
        if len(serving) == 1:
            return serving[0]
        default = str((await homeport.models.get(self.id)).spec.get("default_deployment") or "")
        if default in serving:
            return default
        raise HomeportError(
            ErrorCode.CONFLICT if serving else ErrorCode.NOT_FOUND,
            f"model {self.id} is served by {', '.join(serving) or 'no deployment'}",
            hint="name one: Model(..., deployment_id=...)" if serving else "make a deployment of it first",
        )


class Model(Named[AsyncModel]):
    def __init__(
        self, model_id: str = "", user_id: str = "", *, deployment_id: str = "", context: Context | None = None
    ) -> None:
        super().__init__(AsyncModel(model_id, user_id, deployment_id=deployment_id, context=context))

    @overload
    def predict(self, prompt: Prompt, *, stream: Literal[False] = False, **options: Any) -> str: ...

    @overload
    def predict(self, prompt: Prompt, *, stream: Literal[True], **options: Any) -> Iterator[str]: ...

    def predict(self, prompt: Prompt, *, stream: bool = False, **options: Any) -> str | Iterator[str]:
        """Asks a chat model. The whole answer, or with `stream=True` its pieces as they come."""
        pieces = self._pieces(prompt, options)
        return pieces if stream else "".join(pieces)

    def invoke(self, path: str, body: Any) -> Any:
        return run(self._inner.invoke(path, body))

    def list_versions(self) -> list[Resource]:
        return run(self._inner.list_versions())

    def list_deployments(self) -> list[Resource]:
        return run(self._inner.list_deployments())

    def _pieces(self, prompt: Prompt, options: Mapping[str, Any]) -> Iterator[str]:
        messages = _as_messages(prompt)
        with Client(self.context) as homeport:
            yield from homeport.chat(self._inner.deployment_id or self.id, messages, **options)


def _as_messages(prompt: Prompt) -> Sequence[Mapping[str, Any]]:
    return [{"role": "user", "content": prompt}] if isinstance(prompt, str) else prompt


async def _joined(pieces: AsyncIterator[str]) -> str:
    return "".join([text async for text in pieces])

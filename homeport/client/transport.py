"""HTTP to one Homeport: authorisation, retries where they are safe, errors as HomeportError."""

import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Any, Self, TypeVar

import aiohttp
from tenacity import AsyncRetrying, retry_if_exception, stop_after_attempt, wait_random_exponential

from homeport import __version__
from homeport.client.api_error import error_from_body
from homeport.client.contexts import Context
from homeport.core.errors import ErrorCode, HomeportError

ATTEMPTS = 4
CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 60.0
_HEARTBEAT_SECONDS = 20.0

T = TypeVar("T")


class Transport:
    """One connection pool. Use it as an async context manager.

    Retried: a refused connection (nothing was sent), and whatever can be repeated without harm (every GET, a dry run,
    a verb that leads to a state) when it broke off or was answered 502, 503 or 504.
    Never retried: another write that may have arrived.
    """

    def __init__(self, context: Context, *, wait_seconds: float = 0.2) -> None:
        self.context = context
        self._wait_seconds = wait_seconds
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        headers = {"User-Agent": f"homeport/{__version__}"}
        if self.context.token:
            headers["Authorization"] = f"Bearer {self.context.token}"
        timeout = aiohttp.ClientTimeout(total=None, connect=CONNECT_SECONDS, sock_read=ANSWER_SECONDS)
        connector = aiohttp.TCPConnector(ssl=trusting(self.context.ca_file)) if self.context.ca_file else None
        self._session = aiohttp.ClientSession(
            headers=headers, timeout=timeout, raise_for_status=False, connector=connector
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def call(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: Any = None,
        repeatable: bool | None = None,
    ) -> dict[str, Any]:
        """One API call. The answer's JSON; {} when it has none. Raises HomeportError.

        `repeatable`: a second arrival does no harm; None = for GET only.
        """
        url = f"{self.context.api}/api/v1/{path}"
        harmless = method == "GET" if repeatable is None else repeatable
        try:
            return await self._retry(harmless, lambda: self._call_once(method, url, params, body))
        except (aiohttp.ClientError, TimeoutError) as error:
            raise unreachable(self.context.api, error) from error

    @asynccontextmanager
    async def stream(
        self,
        method: str,
        url: str,
        *,
        params: Mapping[str, str] | None = None,
        body: Any = None,
        read_seconds: float | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """An answer to read piece by piece. Retried only while nothing was sent.

        `read_seconds` bounds the pause between two pieces.
        """
        timeout = aiohttp.ClientTimeout(total=None, connect=CONNECT_SECONDS, sock_read=read_seconds)

        async def ask() -> aiohttp.ClientResponse:
            return await self._open.request(method, url, params=params, json=body, timeout=timeout, headers=headers)

        try:
            async with await self._retry(False, ask) as response:
                if response.status >= 400:
                    raise await _error_of(response)
                yield response
        except (aiohttp.ClientError, TimeoutError) as error:
            raise unreachable(str(url), error) from error

    async def websocket(self, path: str) -> aiohttp.ClientWebSocketResponse:
        """An open one, below /api/v1, for the caller to close. Raises HomeportError."""
        url = f"{self.context.api}/api/v1/{path}"
        try:
            return await self._open.ws_connect(url, heartbeat=_HEARTBEAT_SECONDS, max_msg_size=0)
        except aiohttp.WSServerHandshakeError as error:
            raise error_from_body(error.status, b"") from error
        except (aiohttp.ClientError, TimeoutError) as error:
            raise unreachable(self.context.api, error) from error

    @property
    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            raise RuntimeError("the client is closed: use it inside `with` or `async with`")
        return self._session

    async def _retry(self, repeatable: bool, ask: Callable[[], Awaitable[T]]) -> T:
        retrying = AsyncRetrying(
            stop=stop_after_attempt(ATTEMPTS),
            wait=wait_random_exponential(multiplier=self._wait_seconds, max=2.0),
            retry=retry_if_exception(lambda error: may_retry(repeatable, error)),
            reraise=True,
        )
        async for attempt in retrying:
            with attempt:
                return await ask()
        raise AssertionError("unreachable: tenacity returns or raises")

    async def _call_once(self, method: str, url: str, params: Mapping[str, str] | None, body: Any) -> dict[str, Any]:
        async with self._open.request(method, url, params=params, json=body) as response:
            if response.status >= 400:
                raise await _error_of(response)
            if response.status == 204:
                return {}
            try:
                answer = await response.json(content_type=None)
            except ValueError:
                raise HomeportError(
                    ErrorCode.INTERNAL,
                    f"{url} answered something that is not JSON",
                    hint="is this address really the Homeport API? `homeport context show` prints it",
                ) from None
            return answer if isinstance(answer, dict) else {}


async def _error_of(response: aiohttp.ClientResponse) -> HomeportError:
    return error_from_body(response.status, await response.read(), response.headers.get("Retry-After"))


def may_retry(repeatable: bool, error: BaseException) -> bool:
    if isinstance(error, aiohttp.ClientSSLError):
        return False
    if isinstance(error, aiohttp.ClientConnectorError):
        return True
    if not repeatable:
        return False
    if isinstance(error, HomeportError):
        return error.code in (ErrorCode.UNAVAILABLE, ErrorCode.DEADLINE_EXCEEDED, ErrorCode.UPSTREAM_FAILED)
    return isinstance(error, aiohttp.ClientError | TimeoutError)


def trusting(ca_file: str) -> ssl.SSLContext:
    """Raises INVALID_ARGUMENT for a file that holds no certificates."""
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as error:
        raise HomeportError(
            ErrorCode.INVALID_ARGUMENT,
            f"cannot trust the CA in {ca_file}: {error.strerror or error}",
            hint="it must hold certificates in PEM form; a server with --tls internal has its own in DATA_DIR/ca.crt",
            path="ca_file",
        ) from None


def unreachable(address: str, error: BaseException) -> HomeportError:
    if isinstance(error, aiohttp.ClientSSLError):
        return HomeportError(
            ErrorCode.UNAVAILABLE,
            f"no trusted connection to {address}: {error}",
            hint="with a CA of its own, give it: `homeport context create ... --ca-file FILE` or HOMEPORT_CA_FILE; "
            "a server with --tls internal has it in DATA_DIR/ca.crt",
        )
    detail = str(error) or type(error).__name__
    return HomeportError(
        ErrorCode.UNAVAILABLE,
        f"no answer from {address}: {detail}",
        hint="is it running? `homeport dev` starts one here; `homeport context show` prints the address in use",
    )

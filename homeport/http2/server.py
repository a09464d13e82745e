"""Listens for gRPC calls."""

import asyncio
import ssl
from collections.abc import Callable, Mapping

from homeport.http2.acceptor import Acceptor
from homeport.http2.call import ServerCall
from homeport.http2.endpoint import Endpoint
from homeport.http2.errors import NO_ERROR
from homeport.http2.header_block import Headers
from homeport.http2.status import UNIMPLEMENTED, Status
from homeport.http2.stream import Stream
from homeport.http2.terms import TUNNEL, Terms

_SHUTDOWN_SECONDS = 1.0


class GrpcServer:
    """`methods`: paths such as b"/homeport.v1.Tunnel/Attach", and who answers calls of them."""

    def __init__(self, methods: Mapping[bytes, Callable[[ServerCall], None]], terms: Terms = TUNNEL) -> None:
        self._methods = methods
        self._terms = terms
        self._endpoints: set[_ServerEndpoint] = set()
        self._acceptor: Acceptor | None = None

    async def start(self, host: str, port: int, tls: ssl.SSLContext, *, shares_port: bool = False) -> int:
        """Returns the port. Raises OSError."""
        self._acceptor = Acceptor(host, port, tls, self._endpoint, shares_port=shares_port)
        return self._acceptor.port

    async def stop_listening(self) -> None:
        acceptor, self._acceptor = self._acceptor, None
        if acceptor is not None:
            await acceptor.close()

    async def close(self) -> None:
        """Hangs up on everybody, and waits a moment for them to hear it."""
        await self.stop_listening()
        endpoints = list(self._endpoints)
        for endpoint in endpoints:
            endpoint.close(message="the server stops")
        if not endpoints:
            return
        closed = [endpoint.closed for endpoint in endpoints]
        await asyncio.wait(closed, timeout=_SHUTDOWN_SECONDS)
        for endpoint in endpoints:
            endpoint.abort()
        await asyncio.wait(closed, timeout=_SHUTDOWN_SECONDS)

    def _endpoint(self) -> "_ServerEndpoint":
        return _ServerEndpoint(self._methods, self._endpoints, self._terms)


class _ServerEndpoint(Endpoint):
    def __init__(
        self,
        methods: Mapping[bytes, Callable[[ServerCall], None]],
        endpoints: "set[_ServerEndpoint]",
        terms: Terms,
    ) -> None:
        super().__init__(on_stream=self._on_stream, terms=terms)
        self._methods = methods
        self._endpoints = endpoints

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._endpoints.add(self)
        super().connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._endpoints.discard(self)
        super().connection_lost(exc)

    def _on_stream(self, stream: Stream, headers: Headers, last: bool) -> None:
        call = ServerCall(self, stream, headers)
        fields = call.metadata
        if fields.get(b":method") != b"POST" or not fields.get(b"content-type", b"").startswith(b"application/grpc"):
            self.connection.send_headers(stream, [(b":status", b"415")], last=True)
            self.connection.reset(stream, NO_ERROR)
            return
        method = self._methods.get(fields[b":path"])
        if method is None:
            path = fields[b":path"].decode(errors="replace")
            call.end(Status(UNIMPLEMENTED, f"there is no method {path}"))
            return
        method(call)
        if last:
            call.on_data(b"", 0, 0, True)

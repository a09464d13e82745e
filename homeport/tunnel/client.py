"""The agent's end: attaching to a gateway worker."""

import asyncio
import ssl
from collections.abc import Callable, Container

from homeport.http2.client import dial
from homeport.http2.endpoint import Endpoint
from homeport.http2.errors import Http2Error
from homeport.http2.status import Status
from homeport.identity import GATEWAY_NAME, SITE_GATEWAY_NAME, gateway_in
from homeport.tunnel.carrier import ATTACH, EPOCH, WORKER_ID, WORKER_IDS, Carrier
from homeport.tunnel.errors import AttachError, DuplicateError


class Attachment(Carrier):
    """A tunnel that the gateway has accepted. run() it, close() it."""

    def __init__(self, endpoint: Endpoint, epoch: int) -> None:
        super().__init__(self._ended_with)
        loop = asyncio.get_running_loop()
        self._endpoint = endpoint
        self._accepted: asyncio.Future[None] = loop.create_future()
        self._ended: asyncio.Future[str] = loop.create_future()
        self.worker_id = ""
        self.worker_ids: frozenset[str] = frozenset()
        # Called with the gateway's live workers when others have come or gone.
        self.on_workers: Callable[[frozenset[str]], None] | None = None
        self.link.on_workers = self._on_workers
        self._call = endpoint.call(ATTACH, [(EPOCH, b"%d" % epoch)], self)
        self.call = self._call

    async def accepted(self) -> None:
        """Raises AttachError."""
        await self._accepted
        if not self.worker_id:
            raise AttachError("the gateway did not name itself")

    async def run(self) -> str:
        """Until the tunnel ends. Returns why it did."""
        try:
            return await self._ended
        finally:
            self.hang_up()

    def hang_up(self) -> None:
        self._call.cancel()
        self._endpoint.close()
        if not self.link.closed:
            self.close("hung up")

    def on_metadata(self, metadata: dict[bytes, bytes]) -> None:
        if self._accepted.done():
            return
        self.worker_id = metadata.get(WORKER_ID, b"").decode()
        ids = metadata.get(WORKER_IDS, b"").decode().split(",")
        self.worker_ids = frozenset(filter(None, ids)) or frozenset((self.worker_id,))
        self._accepted.set_result(None)

    def on_end(self, status: Status) -> None:
        if not self._accepted.done():
            self._accepted.set_exception(AttachError(status.message))
        super().on_end(status)

    def _on_workers(self, worker_ids: frozenset[str]) -> None:
        self.worker_ids = worker_ids
        if self.on_workers is not None:
            self.on_workers(worker_ids)

    def _ended_with(self, reason: str) -> None:
        if not self._ended.done():
            self._ended.set_result(reason)


async def attach(
    target: str, tls: ssl.SSLContext, epoch: int, known: Container[str] = (), kind: str = GATEWAY_NAME
) -> Attachment:
    """Dials `target` (host:port) on a connection of its own; `kind` is what its certificate must be for. A local
    gateway is on this network, behind no proxy. Raises OSError, AttachError; DuplicateError as soon as the certificate
    there names one of the `known` workers."""
    host, _, port = target.rpartition(":")
    endpoint = await dial(host.removeprefix("[").removesuffix("]"), int(port), tls, kind, kind == SITE_GATEWAY_NAME)
    try:
        named = gateway_in(endpoint.peer_certificate, kind)
        if not named:
            raise AttachError("whoever answers there is no gateway, by its certificate")
        if named in known:
            raise DuplicateError(named)
        attachment = Attachment(endpoint, epoch)
        await attachment.accepted()
        if attachment.worker_id != named:
            raise AttachError(f"the gateway calls itself {attachment.worker_id}, its certificate {named}")
    except Http2Error as error:
        endpoint.close()
        raise AttachError(error.message) from error
    except BaseException:
        endpoint.close()
        raise
    return attachment

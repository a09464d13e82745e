"""The servicer behind `GatewayFeed`: what a gateway on a host of its own may ask for, and nothing else."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from typing import Any

import grpc
import structlog
from homeport_proto.v1 import gateway_pb2 as pb
from homeport_proto.v1 import gateway_pb2_grpc

from controlplane.auth.ca import CertificateAuthority
from controlplane.auth.peer import ShownGateway, address_of, gateway_shown_by
from controlplane.gateway.fed_worker import FedWorker, line
from controlplane.gateway.host_link import HostHello, HostLink
from controlplane.gateway.hosts import GatewayHosts
from controlplane.sessions.gateway_certificates import LIFE, check_names
from homeport.core.errors import HomeportError
from homeport.core.gateway_workers import MOST_WORKERS
from homeport.core.issuing import IssuingBudget

log = structlog.get_logger()

_HELLO_SECONDS = 10.0
_LAST_WORD_SECONDS = 0.5
# Of a message: what is told at once is gathered up to this.
_MESSAGE_BYTES = 64 * 1024
# Two sets of workers, while one replaces the other.
_MOST_CERTIFICATES = 2 * MOST_WORKERS + 2


class GatewayFeedService(gateway_pb2_grpc.GatewayFeedServicer):
    """`reserved_names`: by which clients know the control plane."""

    def __init__(
        self,
        hosts: GatewayHosts,
        ca: CertificateAuthority,
        issuing: IssuingBudget,
        reserved_names: tuple[str, ...] = (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._hosts = hosts
        self._ca = ca
        self._issuing = issuing
        self._reserved_names = reserved_names
        self._clock = clock

    # See SessionService.Connect: a coroutine that writes by itself. `context` is a ServicerCall.
    async def Follow(  # type: ignore[override]
        self, request_iterator: AsyncIterator[pb.FeedLines], context: Any
    ) -> None:
        shown = await self._admitted(context)
        hello = await _first_hello(request_iterator, context)

        def close(reason: str, message: str) -> None:
            goodbye = {"goodbye": {"reason": reason, "message": message}}
            context.post(pb.FeedLines(lines=line(goodbye)))
            context.leave(_LAST_WORD_SECONDS)

        link = await self._hosts.opened(shown, hello, close)
        log.info("gateway connected", gateway=shown.name, address=address_of(context.peer()), release=hello.release)
        telling = asyncio.create_task(_tell(link.fed, context), name=f"feed-{shown.name}")
        try:
            await context.listen(partial(self._hear, link))
        finally:
            telling.cancel()
            self._hosts.closed(link)
            log.info("gateway disconnected", gateway=shown.name)

    async def Certify(self, request: pb.CertifyHostRequest, context: Any) -> pb.CertifyHostResponse:
        shown = await self._admitted(context)
        if not self._issuing.take(self._clock()):
            await context.abort(grpc.StatusCode.UNAVAILABLE, "many ask for certificates at once; ask again later")
        now, csr = datetime.now(UTC), request.csr
        names = list(dict.fromkeys(name.lower().rstrip(".") for name in request.client_names))
        try:
            check_names(names, self._reserved_names)
            count = min(request.workers, _MOST_CERTIFICATES)
            workers = [self._ca.issue_host_worker(f"{shown.name}-{each}", csr, LIFE, now) for each in range(count)]
            return pb.CertifyHostResponse(
                certificate_pem=self._ca.issue_gateway_host(shown.name, csr, LIFE, now),
                worker_certificates_pem=workers,
                client_certificate_pem=self._ca.issue_site_front(names, csr, LIFE, now) if names else b"",
                certificate_ttl_seconds=int(LIFE.total_seconds()),
                ca_bundle_pem=self._ca.bundle,
            )
        except HomeportError as error:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
            raise AssertionError from None

    async def _admitted(self, context: Any) -> ShownGateway:
        """Ends the call of anybody else."""
        shown = gateway_shown_by(context.auth_context())
        refused = self._hosts.refusal(shown)
        if shown is None or refused is not None:
            reason, message = refused or ("", "")
            log.warning("a gateway is refused", gateway=shown.name if shown else "", reason=reason)
            await context.abort(grpc.StatusCode.PERMISSION_DENIED, f"{reason}: {message}")
            raise AssertionError  # abort raises
        return shown

    def _hear(self, link: HostLink, message: pb.FeedLines) -> None:
        for text in message.lines.splitlines():
            self._hosts.hear(link, json.loads(text))


async def _first_hello(messages: AsyncIterator[pb.FeedLines], context: Any) -> HostHello:
    try:
        async with asyncio.timeout(_HELLO_SECONDS):
            async for message in messages:
                return HostHello.read(json.loads(message.lines)["hello"])
        raise ValueError("the first line must be a hello")
    except (TimeoutError, ValueError, KeyError, TypeError, HomeportError) as error:
        await context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
        raise AssertionError from None


async def _tell(fed: FedWorker, context: Any) -> None:
    """Until cancelled, or the host has fallen too far behind: it comes back and gets everything anew."""
    while not fed.behind:
        lines = [await fed.outbox.get(), *_waiting(fed)]
        await context.write(pb.FeedLines(lines=b"".join(lines)))
    log.warning("a gateway does not read what it is told", gateway=fed.id)
    context.leave(0.0)


def _waiting(fed: FedWorker) -> Iterator[bytes]:
    size = 0
    while size < _MESSAGE_BYTES and not fed.outbox.empty():
        text = fed.outbox.get_nowait()
        size += len(text)
        yield text

"""The certificates of a gateway on a host of its own: kept on its disk, and asked for anew at half of their life."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

import grpc
import structlog
from homeport_proto.v1 import gateway_pb2 as pb
from homeport_proto.v1 import gateway_pb2_grpc

from controlplane.auth.ca import KeyPair
from controlplane.gateway_host.identity import HostIdentity, IdentityFiles
from controlplane.gateway_host.joining import explained
from controlplane.gateway_host.link import dial_home
from homeport.core.errors import HomeportError

log = structlog.get_logger()

_CALL_SECONDS = 15.0
_LOOK_SECONDS = 5.0
_RETRY_SECONDS = 60.0


class HostCertificates:
    """What a GatewayFeed asks for, and the source of the certificate towards clients. `on_change` hears of each newer
    pair of a worker."""

    def __init__(
        self,
        files: IdentityFiles,
        identity: HostIdentity,
        client_names: tuple[str, ...],
        wall: Callable[[], float] = time.time,
    ) -> None:
        self.on_change: Callable[[str, KeyPair], None] = lambda worker_id, pair: None
        self.identity = identity
        self._files = files
        self._client_names = client_names
        self._wall = wall
        self._workers = 0
        self._look = asyncio.Event()
        self._shown = ""

    @property
    def bundle(self) -> bytes:
        return self.identity.ca.encode()

    def pair(self, worker_id: str) -> KeyPair:
        """Raises OSError for a worker that has none yet: it comes again."""
        number = worker_id.removeprefix(f"{self.identity.name}-")
        if not number.isdecimal() or int(number) >= len(self.identity.workers):
            raise OSError(f"there is no certificate for {worker_id} yet")
        return KeyPair(self.identity.key.encode(), self.identity.workers[int(number)].encode())

    def newer(self, now: datetime) -> KeyPair | None:
        """Towards clients, see CertificateSource."""
        certificate = self.identity.client_certificate
        if not certificate or certificate == self._shown:
            return None
        self._shown = certificate
        return KeyPair(self.identity.key.encode(), certificate.encode())

    def need(self, workers: int) -> None:
        """So many, and as many again, since some leave while others come."""
        self._workers = 2 * workers + 2
        self._look.set()

    async def ensure_some(self, workers: int) -> None:
        """What so many cannot begin without. Raises HomeportError."""
        if self.identity.lacks(workers, self._client_names):
            await self._ask()

    async def ensure(self) -> None:
        """All that are needed, and newer ones in time. Raises HomeportError."""
        if self.identity.is_due(self._workers, self._client_names, self._wall()):
            await self._ask()

    async def run(self) -> None:
        """Until cancelled."""
        wait = _LOOK_SECONDS
        while True:
            self._look.clear()
            try:
                async with asyncio.timeout(wait):
                    await self._look.wait()
            except TimeoutError:
                pass
            wait = _LOOK_SECONDS
            try:
                await self.ensure()
            except (HomeportError, OSError) as error:
                wait = _RETRY_SECONDS
                log.warning("no newer certificates", error=str(error))

    async def _ask(self) -> None:
        identity = self.identity
        request = pb.CertifyHostRequest(csr=identity.csr, workers=self._workers, client_names=self._client_names)
        try:
            async with dial_home(identity) as channel:
                answer = await gateway_pb2_grpc.GatewayFeedStub(channel).Certify(request, timeout=_CALL_SECONDS)
        except grpc.RpcError as error:
            raise explained(identity.session_target, error) from None
        self.identity = replace(
            identity,
            certificate=answer.certificate_pem.decode(),
            ca=answer.ca_bundle_pem.decode(),
            issued_at=self._wall(),
            ttl_seconds=float(answer.certificate_ttl_seconds),
            workers=tuple(each.decode() for each in answer.worker_certificates_pem),
            client_names=self._client_names,
            client_certificate=answer.client_certificate_pem.decode(),
        )
        await asyncio.to_thread(self._files.save, self.identity)
        log.info("this gateway has new certificates", workers=len(self.identity.workers))
        for number in range(len(self.identity.workers)):
            worker_id = f"{identity.name}-{number}"
            self.on_change(worker_id, self.pair(worker_id))

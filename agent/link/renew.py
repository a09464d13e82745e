"""A new key and certificate at half life, timed without the wall clock."""

import asyncio
import base64
import json
import sys
from collections.abc import Callable
from dataclasses import replace

import grpc
import structlog
from homeport_proto.v1 import session_pb2 as pb
from homeport_proto.v1 import session_pb2_grpc

from agent.backoff import backoff_seconds
from agent.boot import boot_id, uptime_seconds
from agent.link.channel import node_credentials, open_channel
from agent.state.identity import Identity, IdentityStore, received_now

log = structlog.get_logger()

_CALL_SECONDS = 15.0
_CSR_SECONDS = 30.0
_RETRY_BASE_SECONDS = 30.0
_RETRY_CAP_SECONDS = 3600.0
# Sleeps are cut into these, since a timer stands still while the host is suspended.
_LONGEST_SLEEP_SECONDS = 60.0


def renew_in(identity: Identity, boot: str, uptime: float) -> float:
    """Seconds until half of the certificate's life is over. At once when its age is not known: the host was booted."""
    age = identity.age_seconds(boot, uptime)
    return 0.0 if age is None else max(0.0, identity.certificate_ttl_seconds / 2 - age)


class Renewer:
    """Holds the identity in use."""

    def __init__(self, identity: Identity, store: IdentityStore, jitter: Callable[[], float]) -> None:
        self.identity = identity
        self._store = store
        self._jitter = jitter

    async def run(self) -> None:
        """Until cancelled."""
        boot = boot_id()
        failures = 0
        while True:
            left = renew_in(self.identity, boot, uptime_seconds())
            if left > 0:
                await asyncio.sleep(min(left, _LONGEST_SLEEP_SECONDS))
                continue
            try:
                await self._renew()
                failures = 0
            except (grpc.RpcError, OSError, ValueError, TimeoutError) as error:
                failures += 1
                delay = backoff_seconds(failures, _RETRY_BASE_SECONDS, _RETRY_CAP_SECONDS, self._jitter())
                # The first try after a boot often comes before the network does.
                log.warning("certificate not renewed", error=_told(error), again_in=round(delay))
                await asyncio.sleep(delay)

    async def _renew(self) -> None:
        held = self.identity
        key, csr = await _new_key()
        async with open_channel(held.session_target, node_credentials(held)) as channel:
            answer = await session_pb2_grpc.SessionStub(channel).Renew(pb.RenewRequest(csr=csr), timeout=_CALL_SECONDS)
        renewed = replace(
            held,
            key=key,
            certificate=answer.certificate_pem,
            ca=answer.ca_bundle_pem,
            certificate_ttl_seconds=answer.certificate_ttl_seconds,
            **received_now(),
        )
        # A reply that gets lost on the way costs nothing: the identity before it is still good.
        await asyncio.to_thread(self._store.save, renewed)
        self.identity = renewed
        log.info("certificate renewed", ttl_seconds=renewed.certificate_ttl_seconds)


async def _new_key() -> tuple[bytes, bytes]:
    """(key PEM, signing request DER), made by a child process that is gone afterwards."""
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "agent.link.csr", stdout=asyncio.subprocess.PIPE, stdin=asyncio.subprocess.DEVNULL
    )
    try:
        async with asyncio.timeout(_CSR_SECONDS):
            output, _ = await child.communicate()
    except TimeoutError:
        child.kill()
        await child.wait()
        raise
    pair = json.loads(output)
    return pair["key"].encode(), base64.b64decode(pair["csr"])


def _told(error: Exception) -> str:
    return (error.details() or "") if isinstance(error, grpc.aio.AioRpcError) else str(error) or type(error).__name__

"""A new key and certificate at half life, timed without the wall clock; after its end by proof of the old key."""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import replace

import grpc
import structlog
from homeport_proto.v1 import enrollment_pb2, enrollment_pb2_grpc, session_pb2_grpc
from homeport_proto.v1 import session_pb2 as pb

from agent.backoff import backoff_seconds
from agent.boot import boot_id, uptime_seconds
from agent.link.channel import node_credentials
from agent.link.pair import Pair, make_pair
from agent.link.silence import patience_of
from agent.link.wire import hardware_to_wire
from agent.state.identity import Identity, IdentityStore, received_now
from homeport.core.likeness import Claim
from homeport.grpc_dialer import open_channel
from homeport.target import resolve_target

log = structlog.get_logger()

_CALL_SECONDS = 15.0
# Of the lifetime, for a certificate that is still good: the first wait after a failure, and the longest.
_RETRY_BASE, _RETRY_CAP = 1 / 2880, 1 / 24
# For one that is not.
_RECOVERY_BASE_SECONDS, _RECOVERY_CAP_SECONDS = 1.0, 30.0
_SPREAD = 0.1
# Sleeps are cut into these, since a timer stands still while the host is suspended.
_LONGEST_SLEEP_SECONDS = 60.0
_DEFAULT_ENROLL = ":8442"


def renew_in(identity: Identity, boot: str, uptime: float, jitter: float = 0.5) -> float:
    """Seconds until half of the certificate's life is over, +-10 %. At once when its age is not known: the host was
    booted. `jitter` is in [0, 1)."""
    age = identity.age_seconds(boot, uptime)
    half = identity.certificate_ttl_seconds / 2 * (1 - _SPREAD + 2 * _SPREAD * jitter)
    return 0.0 if age is None else max(0.0, half - age)


class Renewer:
    """Holds the identity in use. `renewed` is called when there is a newer one; `claim` is what this agent says of
    itself."""

    def __init__(
        self,
        identity: Identity,
        store: IdentityStore,
        jitter: Callable[[], float],
        renewed: Callable[[], None] = lambda: None,
        claim: Callable[[], Claim] = Claim,
    ) -> None:
        self.identity = identity
        self._store = store
        self._jitter = jitter
        self._renewed = renewed
        self._claim = claim
        self._told = asyncio.Event()

    def expired(self) -> None:
        """The control plane says so, whatever the clocks here do."""
        self._told.set()

    async def run(self) -> None:
        """Until cancelled."""
        boot = boot_id()
        failures, spread = 0, self._jitter()
        while True:
            left = renew_in(self.identity, boot, uptime_seconds(), spread)
            if left > 0 and not self._told.is_set():
                await self._sleep(min(left, _LONGEST_SLEEP_SECONDS))
                continue
            age = self.identity.age_seconds(boot, uptime_seconds())
            good = age is not None and age < self.identity.certificate_ttl_seconds and not self._told.is_set()
            try:
                await self._renew(good)
                failures, spread = 0, self._jitter()
                self._told.clear()
            except (grpc.RpcError, OSError, ValueError, TimeoutError) as error:
                failures += 1
                delay = self._delay(error, failures, good)
                # The first try after a boot often comes before the network does.
                log.warning("certificate not renewed", error=_words(error), again_in=round(delay, 1))
                await asyncio.sleep(delay)

    def _delay(self, error: Exception, failures: int, good: bool) -> float:
        life = self.identity.certificate_ttl_seconds
        base, cap = (_RETRY_BASE * life, _RETRY_CAP * life) if good else (_RECOVERY_BASE_SECONDS, _RECOVERY_CAP_SECONDS)
        return max(patience_of(_refusal(error)), backoff_seconds(failures, base, cap, self._jitter()))

    async def _sleep(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._told.wait()

    async def _renew(self, good: bool) -> None:
        held = self.identity
        pair = await make_pair(held.key)
        try:
            certificate, ca, ttl = await _ask_for_another(held, pair, self._claim())
        except grpc.aio.AioRpcError as error:
            # An expired certificate fails the handshake, which says nothing else than that the port can't be had.
            if good or (_refusal(error) not in ("", "EXPIRED")):
                raise
            certificate, ca, ttl = await _recover(held, pair)
        renewed = replace(
            held, key=pair.key, certificate=certificate, ca=ca, certificate_ttl_seconds=ttl, **received_now()
        )
        # A reply that gets lost on the way costs nothing: the identity before it is still good.
        await asyncio.to_thread(self._store.save, renewed)
        self.identity = renewed
        log.info("certificate renewed", ttl_seconds=renewed.certificate_ttl_seconds)
        self._renewed()


async def _ask_for_another(held: Identity, pair: Pair, claim: Claim) -> tuple[bytes, bytes, int]:
    async with open_channel(held.session_target, node_credentials(held)) as channel:
        stub = session_pb2_grpc.SessionStub(channel)
        request = pb.RenewRequest(
            csr=pair.csr,
            process_id=claim.process_id,
            epoch_seen=claim.epoch_seen,
            hardware=hardware_to_wire(claim.hardware),
        )
        answer = await stub.Renew(request, timeout=_CALL_SECONDS)
    return answer.certificate_pem, answer.ca_bundle_pem, answer.certificate_ttl_seconds


async def _recover(held: Identity, pair: Pair) -> tuple[bytes, bytes, int]:
    target = held.enroll_target or resolve_target(_DEFAULT_ENROLL, held.session_target)
    request = enrollment_pb2.RecoverRequest(certificate_pem=held.certificate, csr=pair.csr, signature=pair.signature)
    async with open_channel(target, grpc.ssl_channel_credentials(root_certificates=held.ca)) as channel:
        answer = await enrollment_pb2_grpc.EnrollmentStub(channel).Recover(request, timeout=_CALL_SECONDS)
    return answer.certificate_pem, answer.ca_bundle_pem, answer.certificate_ttl_seconds


def _refusal(error: Exception) -> str:
    """The typed reason of a refusal; empty for any other failure."""
    if not isinstance(error, grpc.aio.AioRpcError) or error.code() is not grpc.StatusCode.PERMISSION_DENIED:
        return ""
    return (error.details() or "").partition(":")[0]


def _words(error: Exception) -> str:
    return (error.details() or "") if isinstance(error, grpc.aio.AioRpcError) else str(error) or type(error).__name__

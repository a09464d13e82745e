"""The certificate of a local gateway: asked for over the control plane's session port, kept, and renewed at half life.

Its key stands with it in one file, readable by the agent alone.
"""

import asyncio
import json
import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import grpc
import structlog
from homeport_proto.v1 import session_pb2 as pb
from homeport_proto.v1 import session_pb2_grpc

from agent.backoff import backoff_seconds
from agent.link.channel import node_credentials
from agent.link.pair import make_pair
from agent.state.files import write_durably
from agent.state.identity import Identity
from homeport.grpc_dialer import open_channel

log = structlog.get_logger()

_CALL_SECONDS = 15.0
_LOOK_SECONDS = 5.0
_FIRST_BACKOFF, _LONGEST_BACKOFF = 1.0, 300.0


@dataclass(frozen=True, slots=True)
class GatewayPair:
    """PEM texts. `client_certificate` is what clients are met with under `names`, where the internal CA is to vouch for
    that. `issued_at` is unix seconds."""

    node_id: str
    key: str
    certificate: str
    client_certificate: str
    names: tuple[str, ...]
    issued_at: float
    ttl_seconds: float

    def is_due(self, wall: float) -> bool:
        """At half of its life; also where that clock was wrong then, or is now."""
        return not 0 <= wall - self.issued_at < self.ttl_seconds / 2


class GatewayCertificate:
    """`on_change` hears of each pair; `linked` says whether it is worth asking. `problem` is why there is none."""

    def __init__(
        self,
        file: Path,
        identity: Callable[[], Identity],
        names: tuple[str, ...],
        wall: Callable[[], float],
        linked: Callable[[], bool],
        jitter: Callable[[], float],
    ) -> None:
        self.on_change: Callable[[GatewayPair], None] | None = None
        self.problem = ""
        self.pair: GatewayPair | None = None
        self._file = file
        self._identity = identity
        self._names = names
        self._wall = wall
        self._linked = linked
        self._jitter = jitter

    def load(self) -> None:
        """As the disk has it, if that is this node's."""
        try:
            told = json.loads(self._file.read_text())
            pair = GatewayPair(**{**told, "names": tuple(told["names"])})
        except FileNotFoundError:
            return
        except (OSError, ValueError, TypeError, KeyError) as error:
            log.warning("the local gateway's certificate cannot be read; another is asked for", error=str(error))
            return
        if pair.node_id == self._identity().node_id and pair.names == self._names:
            self._use(pair)

    async def run(self) -> None:
        """Until cancelled."""
        failures = 0
        while True:
            if (self.pair is not None and not self.pair.is_due(self._wall())) or not self._linked():
                await asyncio.sleep(_LOOK_SECONDS if self.pair is not None else 0.5)
                continue
            try:
                pair = await self._ask()
                await asyncio.to_thread(write_durably, self._file, json.dumps(asdict(pair)).encode())
            except (grpc.RpcError, OSError, ValueError, TimeoutError) as error:
                failures += 1
                self.problem = _words(error)
                delay = backoff_seconds(failures, _FIRST_BACKOFF, _LONGEST_BACKOFF, self._jitter())
                log.warning("no certificate for the local gateway", error=self.problem, again_in=round(delay, 1))
                await asyncio.sleep(delay)
            else:
                failures, self.problem = 0, ""
                self._use(pair)
                log.info("the local gateway has a certificate", ttl_seconds=math.floor(pair.ttl_seconds))

    def _use(self, pair: GatewayPair) -> None:
        self.pair = pair
        if self.on_change is not None:
            self.on_change(pair)

    async def _ask(self) -> GatewayPair:
        identity = self._identity()
        made = await make_pair(identity.key)
        async with open_channel(identity.session_target, node_credentials(identity)) as channel:
            request = pb.CertifyGatewayRequest(csr=made.csr, client_names=self._names)
            answer = await session_pb2_grpc.SessionStub(channel).CertifyGateway(request, timeout=_CALL_SECONDS)
        return GatewayPair(
            node_id=identity.node_id,
            key=made.key.decode(),
            certificate=answer.certificate_pem.decode(),
            client_certificate=answer.client_certificate_pem.decode(),
            names=self._names,
            issued_at=self._wall(),
            ttl_seconds=float(answer.certificate_ttl_seconds),
        )


def _words(error: Exception) -> str:
    if isinstance(error, grpc.aio.AioRpcError):
        if error.code() is grpc.StatusCode.UNIMPLEMENTED:
            return "the control plane is older than this agent and knows no local gateways"
        return error.details() or error.code().name
    return str(error) or type(error).__name__

"""One node as the control plane sees it: it greets, beats, acknowledges, and dials again."""

import asyncio
import random
import ssl
import time
import uuid
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from homeport_proto.v1 import session_pb2 as pb

from agent.link.messages import LINK_LOST, Goodbye
from agent.link.silence import answer_to
from bench.fleet.driven_tunnel import DrivenTunnel
from homeport.http2.client import dial
from homeport.http2.endpoint import Endpoint
from homeport.http2.errors import Http2Error
from homeport.http2.status import Status
from homeport.identity import SERVER_NAME

_CONNECT = b"/homeport.v1.Session/Connect"
_DIAL_SECONDS = 20.0
_GPU_BYTES = 80 * 2**30


@dataclass(slots=True)
class Records:
    """What all nodes of a driver have seen since they were last asked. Milliseconds, but `beats_late`: heartbeats whose
    echo took longer than the time between two."""

    echo_ms: list[float] = field(default_factory=list)
    beats_late: int = 0
    # Unix seconds at which a change of desired state came, by its number in the store's log.
    changes: dict[int, list[float]] = field(default_factory=dict)
    ends: Counter[str] = field(default_factory=Counter)

    def clear(self) -> None:
        self.echo_ms.clear()
        self.beats_late = 0
        self.changes.clear()
        self.ends.clear()


class DrivenNode:
    """`dialling` lets only so many nodes of a process dial at once: hosts have a CPU each, and these share one. Without
    a `tunnel` it serves nothing of what is placed on it."""

    def __init__(
        self,
        node_id: str,
        tls: ssl.SSLContext,
        records: Records,
        dialling: asyncio.Semaphore,
        tunnel: DrivenTunnel | None = None,
    ) -> None:
        self._node_id = node_id
        self._dialling = dialling
        self._tls = tls
        self._records = records
        self._process_id = uuid.uuid4().hex
        self._epoch = 0
        self._held = pb.StoreSeq()
        self._talk: _Talk | None = None
        self._tunnel = tunnel

    @property
    def attached(self) -> bool:
        return self._tunnel is not None and self._tunnel.attached

    @property
    def in_flight(self) -> int:
        return self._tunnel.in_flight if self._tunnel is not None else 0

    @property
    def connected(self) -> bool:
        return self._talk is not None and self._talk.welcomed

    async def run(self, port: int) -> None:
        failures = 0
        while True:
            welcomed, goodbye = await self._converse(port)
            failures = 1 if welcomed else failures + 1
            self._records.ends[goodbye.reason] += 1
            await asyncio.sleep(answer_to(goodbye, failures, random.random()).after_seconds)

    async def _converse(self, port: int) -> tuple[bool, Goodbye]:
        async with self._dialling:
            try:
                async with asyncio.timeout(_DIAL_SECONDS):
                    endpoint = await dial("127.0.0.1", port, self._tls, SERVER_NAME)
            except OSError as error:  # and TimeoutError
                return False, Goodbye(LINK_LOST, str(error))
            talk = self._talk = _Talk(self, endpoint)
            await talk.until_greeted()
        try:
            goodbye = await talk.until_over()
        except Http2Error as error:
            goodbye = Goodbye(LINK_LOST, str(error))
        finally:
            endpoint.abort()
            self._talk = None
        return talk.welcomed, goodbye

    def hello(self) -> pb.AgentMessage:
        hello = pb.Hello(
            epoch_seen=self._epoch,
            boot_id=self._node_id,
            process_id=self._process_id,
            agent_version="bench",
            inventory=_inventory(self._node_id),
            applied=self._held,
        )
        return pb.AgentMessage(hello=hello)

    def welcome(self, welcome: pb.Welcome) -> None:
        self._epoch = welcome.epoch
        if self._tunnel is not None:
            self._tunnel.welcomed(welcome.epoch, welcome.gateways.targets)

    def echoed(self, seconds: float, beat_seconds: float) -> None:
        self._records.echo_ms.append(seconds * 1000)
        self._records.beats_late += seconds > beat_seconds

    def changed(self, state: pb.DesiredState) -> pb.AgentMessage:
        """The acknowledgement."""
        self._held = state.version
        if self._tunnel is not None:
            self._tunnel.placed(state.placements)
        if not state.full or state.placements:
            self._records.changes.setdefault(state.version.seq, []).append(time.time())
        return pb.AgentMessage(epoch=self._epoch, ack=pb.Ack(applied=state.version))


class _Talk:
    """One session, as a talker of homeport.http2."""

    def __init__(self, node: DrivenNode, endpoint: Endpoint) -> None:
        self._node = node
        self._loop = asyncio.get_running_loop()
        self.greeted: asyncio.Future[None] = self._loop.create_future()
        self.over: asyncio.Future[Goodbye] = self._loop.create_future()
        self._outbox: list[bytes] = [node.hello().SerializeToString()]
        self._epoch = 0
        self._beat_seconds = 0.0
        self._beaten_at = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._call = endpoint.call(_CONNECT, [], self)
        self._call.wake()

    @property
    def welcomed(self) -> bool:
        return self.greeted.done()

    async def until_greeted(self) -> None:
        """Or until it is over."""
        either: list[asyncio.Future[Any]] = [self.greeted, self.over]
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)

    async def until_over(self) -> Goodbye:
        try:
            return await self.over
        finally:
            if self._timer is not None:
                self._timer.cancel()

    def take(self) -> bytes | None:
        return self._outbox.pop(0) if self._outbox else None

    def on_metadata(self, metadata: dict[bytes, bytes]) -> None:
        pass

    def on_end(self, status: Status) -> None:
        self._end(Goodbye(LINK_LOST, status.message))

    def on_message(self, buffer: bytes, start: int, end: int) -> None:
        message = pb.ControlMessage.FromString(bytes(buffer[start:end]))
        match message.WhichOneof("body"):
            case "welcome":
                self._welcomed(message.welcome)
            case "heartbeat_echo":
                self._node.echoed(self._loop.time() - self._beaten_at, self._beat_seconds)
            case "desired_state":
                self._say(self._node.changed(message.desired_state))
            case "goodbye":
                goodbye = message.goodbye
                self._end(Goodbye(goodbye.reason, goodbye.message, goodbye.retry_after_seconds, goodbye.stop_models))

    def _welcomed(self, welcome: pb.Welcome) -> None:
        self.greeted.set_result(None)
        self._epoch = welcome.epoch
        self._beat_seconds = welcome.heartbeat_seconds
        self._node.welcome(welcome)
        self._timer = self._loop.call_later(random.random() * self._beat_seconds, self._beat)

    def _beat(self) -> None:
        self._beaten_at = self._loop.time()
        beat = pb.Heartbeat(agent_time=time.time(), cpu_used_cores=1.5, memory_used_bytes=2**33, agent_cpu_seconds=1.0)
        self._say(pb.AgentMessage(epoch=self._epoch, heartbeat=beat))
        self._timer = self._loop.call_later(self._beat_seconds, self._beat)

    def _say(self, message: pb.AgentMessage) -> None:
        self._outbox.append(message.SerializeToString())
        self._call.wake()

    def _end(self, goodbye: Goodbye) -> None:
        if not self.over.done():
            self.over.set_result(goodbye)


def _inventory(node_id: str) -> pb.Inventory:
    gpus = [
        pb.Gpu(uuid=f"GPU-{node_id}-{index}", name="NVIDIA A100-SXM4-80GB", memory_bytes=_GPU_BYTES)
        for index in range(8)
    ]
    return pb.Inventory(
        hostname=node_id,
        architecture="x86_64",
        operating_system="Debian GNU/Linux 12 (bookworm)",
        cpu_model="AMD EPYC",
        cpu_milli=96_000,
        memory_bytes=2**39,
        disk_bytes=2**42,
        disk_free_bytes=2**41,
        gpus=gpus,
        nvidia_driver_version="550.54",
        drivers=["process", "docker"],
    )

"""One session: from Hello to whatever ends it."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import grpc
import structlog
from homeport_proto.v1 import session_pb2 as pb
from homeport_proto.v1 import session_pb2_grpc

from agent.link import wire
from agent.link.messages import LINK_LOST, Acknowledgement, Goodbye, Node, Welcome
from agent.link.outbox import Outbox
from agent.link.pressure import PressureTeller
from homeport.core.errors import HomeportError

if TYPE_CHECKING:
    Call = grpc.aio.StreamStreamCall[pb.AgentMessage, pb.ControlMessage]

log = structlog.get_logger()
T = TypeVar("T")

_WELCOME_SECONDS = 10.0
_PERSIST_RETRY_SECONDS = 2.0


class _Ended(Exception):
    def __init__(self, goodbye: Goodbye) -> None:
        super().__init__(goodbye.reason)
        self.goodbye = goodbye


class Session:
    """Made anew for each connection. `outbox` takes what the agent has to tell; `epoch` is 0 until Welcome.

    `clock_skew_seconds` is how far this host is ahead of the control plane.
    """

    def __init__(self, node: Node, monotonic: Callable[[], float], wall: Callable[[], float]) -> None:
        self.outbox = Outbox()
        self.epoch = 0
        self.welcomed = asyncio.Event()
        self.clock_skew_seconds = 0.0
        self._node = node
        self._monotonic = monotonic
        self._wall = wall
        self.heard_at = 0.0
        self._inbox: asyncio.Queue[pb.ControlMessage] = asyncio.Queue()

    async def run(self, channel: grpc.aio.Channel) -> Goodbye:
        """Returns why the session is over; never raises for a broken link."""
        call: Call = session_pb2_grpc.SessionStub(channel).Connect()
        tasks: list[asyncio.Task[None]] = []
        try:
            welcome = await self._greet(call)
            tasks = [
                asyncio.create_task(self._write(call), name="session-writer"),
                asyncio.create_task(self._read(call), name="session-reader"),
                asyncio.create_task(self._beat(welcome.heartbeat_seconds), name="session-heartbeat"),
                asyncio.create_task(self._act(), name="session-actor"),
            ]
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
            raise AssertionError("they end by raising only")
        except _Ended as ended:
            return ended.goodbye
        except (grpc.RpcError, grpc.aio.UsageError, asyncio.InvalidStateError):
            return Goodbye(LINK_LOST, await _why(call))
        finally:
            call.cancel()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _greet(self, call: "Call") -> Welcome:
        """Hello, Welcome. Nothing else is said before."""
        try:
            async with asyncio.timeout(_WELCOME_SECONDS):
                await call.write(wire.hello_to_wire(self._node.hello()))
                message = _unless_over(await call.read())
        except TimeoutError:
            raise _Ended(Goodbye(LINK_LOST, f"no welcome within {_WELCOME_SECONDS:g} s")) from None
        if message.WhichOneof("body") != "welcome":
            raise _Ended(Goodbye(LINK_LOST, "the first message was no welcome"))
        welcome = wire.welcome_from_wire(message.welcome)
        self.epoch = welcome.epoch
        self.heard_at = self._monotonic()
        self._node.welcomed(welcome)
        self.welcomed.set()
        return welcome

    async def _write(self, call: "Call") -> None:
        while True:
            for message in await self.outbox.take():
                message.epoch = self.epoch
                await call.write(message)

    async def _read(self, call: "Call") -> None:
        """Never waits for the agent: an echo behind a slow disk would look like a dead link."""
        while True:
            message = _unless_over(await call.read())
            match message.WhichOneof("body"):
                case "heartbeat_echo":
                    self.heard_at = self._monotonic()
                    self.clock_skew_seconds = self._wall() - message.heartbeat_echo.server_time
                case None:
                    pass  # of a newer control plane
                case _:
                    self._inbox.put_nowait(message)

    async def _beat(self, interval: float) -> None:
        limit = 3 * interval + 1
        pressures = PressureTeller()
        while True:
            self.outbox.heartbeat(wire.heartbeat_to_wire(self._node.load(), self._wall(), self._node.epoch_kept))
            for deployment_id, value in pressures.due(self._node.pressure(), self._monotonic()).items():
                self.outbox.pressure(deployment_id, value)
            await asyncio.sleep(interval)
            silent = self._monotonic() - self.heard_at
            if silent > limit:
                raise _Ended(Goodbye(LINK_LOST, f"no heartbeat came back for {silent:.0f} s"))

    async def _act(self) -> None:
        """First of all this node must not forget that it had this session: who knows of an older one only is a copy."""
        await _until_persisted(partial(self._node.keep_epoch, self.epoch))
        while True:
            message = await self._inbox.get()
            match message.WhichOneof("body"):
                case "desired_state":
                    update = wire.update_from_wire(message.desired_state)
                    self._acknowledge(await _until_persisted(partial(self._node.update_desired, update)))
                case "confirm_removals":
                    removals = wire.removals_from_wire(message.confirm_removals)
                    self._acknowledge(await _until_persisted(partial(self._node.confirm_removals, removals)))
                case "history_kept":
                    self._node.history_kept(message.history_kept.log_id, message.history_kept.number)
                case "question":
                    self._answer(message.question)
                case "site_gateways":
                    gateways = wire.site_gateways_from_wire(message.site_gateways)
                    await _until_persisted(partial(self._node.site_gateways_changed, gateways))
                case "site_tables":
                    await self._node.site_changed(wire.site_update_from_wire(message.site_tables))
                case "lease_grant":
                    self._node.leases_granted(message.lease_grant.grant_json)
                case "gateways":
                    self._node.gateways_changed(tuple(message.gateways.targets))

    def _acknowledge(self, ack: Acknowledgement | None) -> None:
        if ack is not None:
            self.outbox.ack(wire.ack_to_wire(ack))

    def _answer(self, question: pb.Question) -> None:
        match question.WhichOneof("body"):
            case "logs":
                problem = self._node.asked_for_logs(wire.logs_question_from_wire(question))
            case "cancel":
                self._node.question_cancelled(question.question_id)
                return
            case _:
                problem = "this agent does not know that question; it is older than the control plane"
        if problem:
            self.outbox.answer(pb.Answer(question_id=question.question_id, ok=False, message=problem))


def _unless_over(message: object) -> pb.ControlMessage:
    if not isinstance(message, pb.ControlMessage):
        raise _Ended(Goodbye(LINK_LOST, "the control plane closed the session"))
    if message.WhichOneof("body") == "goodbye":
        raise _Ended(wire.goodbye_from_wire(message.goodbye))
    return message


async def _until_persisted(step: Callable[[], Awaitable[T]]) -> T:
    """A full disk delays desired state, it loses none: what follows waits behind it."""
    while True:
        try:
            return await step()
        except HomeportError as error:
            log.error("desired state not persisted", error=str(error))
            await asyncio.sleep(_PERSIST_RETRY_SECONDS)


async def _why(call: "Call") -> str:
    """gRPC's words for the end of a call, on one line."""
    try:
        async with asyncio.timeout(1.0):
            details = await call.details()
    except TimeoutError:
        return "connection lost"
    return (details or "connection lost").splitlines()[0]

"""The connection of a gateway on a host of its own to the control plane's feed: dialled from here, again and again."""

import asyncio
import contextlib
import json
import random
from collections.abc import Callable, Mapping
from typing import Any

import grpc
import structlog
from homeport_proto.v1 import gateway_pb2 as pb
from homeport_proto.v1 import gateway_pb2_grpc

from controlplane.gateway.follower import LONGEST_LINE, Streams
from controlplane.gateway_host.identity import HostIdentity
from controlplane.gateway_host.joining import explained
from homeport.core.errors import ErrorCode, HomeportError
from homeport.grpc_dialer import open_channel

log = structlog.get_logger()

_CALL_SECONDS = 15.0
_RETRY_SECONDS = 1.0
# After another process of this gateway has taken its place: the two must not chase each other.
_SUPERSEDED_SECONDS = 30.0


class FeedLink:
    """`identity` and `hello` are asked for each connection. `problem` is why there is none; empty = there is one."""

    def __init__(self, identity: Callable[[], HostIdentity], hello: Callable[[], Mapping[str, Any]]) -> None:
        self.problem = "not dialled yet"
        self._identity = identity
        self._hello = hello
        self._pause = 0.0

    async def connect(self) -> Streams:
        """For a FeedFollower. Raises OSError while the control plane is not there, HomeportError when it has turned
        this gateway away for good."""
        await asyncio.sleep(self._pause * random.uniform(0.75, 1.25))
        self._pause = _RETRY_SECONDS
        channel = dial_home(self._identity())
        call = gateway_pb2_grpc.GatewayFeedStub(channel).Follow()
        try:
            async with asyncio.timeout(_CALL_SECONDS):
                await call.write(_lines({"hello": self._hello()}))
                first = await call.read()
            if not isinstance(first, pb.FeedLines):
                raise OSError(await call.details())
        except (grpc.RpcError, asyncio.InvalidStateError, TimeoutError, OSError) as error:
            await channel.close()
            raise self._failed(error) from None
        except BaseException:
            await channel.close()
            raise
        self.problem = ""
        reader = asyncio.StreamReader(limit=LONGEST_LINE)
        reader.feed_data(first.lines)
        pump = asyncio.create_task(_pump(channel, call, reader), name="feed-reader")
        return reader, _Writer(call, pump)

    def told_goodbye(self, goodbye: Mapping[str, Any]) -> None:
        """Raises HomeportError where there is no coming back."""
        reason, message = str(goodbye.get("reason")), str(goodbye.get("message"))
        if reason == "REMOVED":
            raise removed(self._identity().name, message)
        log.warning("the control plane ends the connection", reason=reason, message=message)
        self._pause = _SUPERSEDED_SECONDS

    def _failed(self, error: Exception) -> Exception:
        why = str(error) or "no answer"
        if isinstance(error, grpc.RpcError):
            told = explained(self._identity().session_target, error)
            if told.code is ErrorCode.PERMISSION_DENIED:
                return removed(self._identity().name, told.message)
            why = told.message
        if why != self.problem:
            log.warning("no connection to the control plane; what is known is served", reason=why)
        self.problem = why
        return OSError(why)


def removed(name: str, message: str) -> HomeportError:
    return HomeportError(
        ErrorCode.PERMISSION_DENIED,
        f"gateway {name} is turned away: {message.removeprefix('REMOVED: ')}",
        hint=f"to join again: homeport gateway join-token {name}, and start it with --join-token",
    )


def dial_home(identity: HostIdentity) -> grpc.aio.Channel:
    """To the control plane's session port."""
    credentials = grpc.ssl_channel_credentials(
        identity.ca.encode(), identity.key.encode(), identity.certificate.encode()
    )
    return open_channel(identity.session_target, credentials)


class _Writer:
    """What a FeedFollower needs of a stream writer."""

    def __init__(self, call: Any, pump: "asyncio.Task[None]") -> None:
        self._call = call
        self._pump = pump
        self._unsent = bytearray()
        self._sending = asyncio.Lock()

    def write(self, data: bytes) -> None:
        self._unsent += data

    async def drain(self) -> None:
        """Raises OSError once the connection is over."""
        async with self._sending:
            if not self._unsent:
                return
            lines, self._unsent = bytes(self._unsent), bytearray()
            try:
                await self._call.write(pb.FeedLines(lines=lines))
            except (grpc.RpcError, asyncio.InvalidStateError) as error:
                raise OSError("the connection is over") from error

    def close(self) -> None:
        self._pump.cancel()


async def _pump(channel: grpc.aio.Channel, call: Any, reader: asyncio.StreamReader) -> None:
    """Closes the connection at its end."""
    try:
        with contextlib.suppress(grpc.RpcError, asyncio.InvalidStateError):
            while isinstance(message := await call.read(), pb.FeedLines):
                reader.feed_data(message.lines)
    finally:
        reader.feed_eof()
        await channel.close()


def _lines(message: Mapping[str, Any]) -> pb.FeedLines:
    return pb.FeedLines(lines=json.dumps(message).encode() + b"\n")

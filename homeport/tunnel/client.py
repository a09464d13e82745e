"""The agent's end: attaching to a gateway worker."""

from collections.abc import Callable

import grpc

from homeport.identity import SERVER_NAME
from homeport.tunnel.carrier import EPOCH, METHOD, SERVICE, WORKER_ID, WORKER_IDS, Carrier
from homeport.tunnel.link import Link

_OPTIONS = (
    ("grpc.ssl_target_name_override", SERVER_NAME),
    # gRPC shares one socket per target otherwise, also with the session.
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.keepalive_time_ms", 5000),
    ("grpc.keepalive_timeout_ms", 3000),
    ("grpc.http2.ping_timeout_ms", 3000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),
)


class Attachment:
    """A tunnel that the gateway has accepted. run() it, close() it."""

    def __init__(
        self,
        channel: grpc.aio.Channel,
        call: "grpc.aio.StreamStreamCall[bytes, bytes]",
        worker_id: str,
        worker_ids: frozenset[str],
    ) -> None:
        self._channel = channel
        self._call = call
        self._carrier = Carrier()
        self.worker_id = worker_id
        self.worker_ids = worker_ids

    @property
    def link(self) -> Link:
        return self._carrier.link

    async def run(self) -> str:
        """Until the tunnel ends. Returns why it did."""
        try:
            return await self._carrier.carry(self._call.read, self._call.write)
        finally:
            await self.close()

    async def close(self) -> None:
        self._call.cancel()
        await self._channel.close()


async def attach(target: str, credentials: Callable[[], grpc.ChannelCredentials], epoch: int) -> Attachment:
    """Dials `target` (host:port) on a connection of its own. Raises grpc.aio.AioRpcError."""
    channel = grpc.aio.secure_channel(target, credentials(), options=_OPTIONS)
    try:
        call: grpc.aio.StreamStreamCall[bytes, bytes] = channel.stream_stream(f"/{SERVICE}/{METHOD}")(
            metadata=((EPOCH, str(epoch)),)
        )
        metadata = {key: str(value) for key, value in await call.initial_metadata()}
        if WORKER_ID not in metadata:
            # The call failed before the gateway answered: reading tells why.
            await call.read()
            raise grpc.aio.UsageError("the gateway did not name itself")
    except BaseException:
        await channel.close()
        raise
    ids = frozenset(filter(None, metadata.get(WORKER_IDS, "").split(","))) or {metadata[WORKER_ID]}
    return Attachment(channel, call, metadata[WORKER_ID], frozenset(ids))

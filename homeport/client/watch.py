"""Following objects as they change: a snapshot of each topic first, then what changed since."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from tenacity import AsyncRetrying, retry_if_exception, stop_after_delay, wait_random_exponential

from homeport.client.api_error import error_from_body
from homeport.client.paths import TOPIC_OF
from homeport.client.transport import Transport
from homeport.core.errors import ErrorCode, HomeportError

# A control plane that starts anew is back within seconds; a watch outlives that.
_RECONNECT_SECONDS = 60.0
_PAUSE_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class ObjectChange:
    """`op` is put or delete. `object` is as in a list; None when it is gone."""

    op: str
    kind: str
    id: str
    object: dict[str, Any] | None


@dataclass(slots=True)
class Watched:
    """What is there now: topic -> id -> object. `changes` = what was changed since it was shown last; `seq` says up to
    where."""

    topics: Sequence[str]
    objects: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    changes: list[ObjectChange] = field(default_factory=list)
    seq: int | None = None
    store_id: str = ""
    # Topics whose snapshot has come; after a resync the old objects stay until the new ones are there.
    _fresh: set[str] = field(default_factory=set)
    # The portions of a long snapshot that have come so far.
    _arriving: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)

    @property
    def is_complete(self) -> bool:
        return self._fresh.issuperset(self.topics)

    def request(self) -> dict[str, Any]:
        """What to ask for on a new connection: everything at first, later what happened since `seq`."""
        self._arriving.clear()
        asked: dict[str, Any] = {"topics": list(self.topics)}
        if self.is_complete:
            asked |= {"since": self.seq, "store_id": self.store_id}
        return asked

    def take(self, message: Mapping[str, Any]) -> bool:
        """True when there is something new to show. Messages of unknown types are for newer clients."""
        self.store_id = message.get("store_id") or self.store_id
        match message.get("type"):
            case "snapshot":
                return self._take_snapshot(message)
            case "delta":
                return self._take_delta(message)
            case "resync":
                self._fresh.clear()
                self._arriving.clear()
        return False

    def _take_snapshot(self, message: Mapping[str, Any]) -> bool:
        topic = message["topic"]
        now = self._arriving.setdefault(topic, {})
        now |= {item["id"]: item for item in message["items"]}
        if message.get("more"):
            return False
        del self._arriving[topic]
        before = self.objects.get(topic, {})
        kind = next((kind for kind, name in TOPIC_OF.items() if name == topic), topic)
        self.changes += [ObjectChange("delete", kind, gone, None) for gone in before if gone not in now]
        self.changes += [ObjectChange("put", kind, id, item) for id, item in now.items() if before.get(id) != item]
        self.objects[topic] = now
        self._fresh.add(topic)
        self.seq = message.get("seq", self.seq)
        return self.is_complete

    def _take_delta(self, message: Mapping[str, Any]) -> bool:
        for each in message["changes"]:
            change = ObjectChange(each["op"], each["kind"], each["id"], each.get("object"))
            held = self.objects.setdefault(TOPIC_OF.get(change.kind, change.kind), {})
            if held.get(change.id) == change.object:
                continue  # told again after a reconnect
            self.changes.append(change)
            if change.object is None:
                held.pop(change.id, None)
            else:
                held[change.id] = change.object
        self.seq = message.get("seq", self.seq)
        return bool(self.changes) and self.is_complete


async def watch(
    transport: Transport, topics: Sequence[str], gather_seconds: float = 0.0
) -> AsyncGenerator[Watched, None]:
    """The state of the topics at first, and again after every change: the same object each time.

    A lost connection is made anew, for up to a minute, and goes on where it broke off.
    """
    watched = Watched(topics)
    while True:
        socket = await _connect(transport, patient=watched.is_complete)
        try:
            await socket.send_json(watched.request())
            async for message in socket:
                if _is_news(watched, message):
                    refused = await _gather(socket, watched, gather_seconds)
                    yield watched
                    watched.changes = []
                    if refused is not None:
                        raise refused
        except aiohttp.ClientError:
            pass  # as good as a close
        finally:
            await socket.close()
        await asyncio.sleep(_PAUSE_SECONDS)


async def _gather(socket: aiohttp.ClientWebSocketResponse, watched: Watched, seconds: float) -> HomeportError | None:
    """What else comes meanwhile; the error that ends the watch is given back, for after the news.

    A close is seen by the reader's next step.
    """
    if seconds <= 0:
        return None
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while not socket.closed:
                try:
                    _is_news(watched, await socket.receive())
                except HomeportError as error:
                    return error
    return None


def _is_news(watched: Watched, message: aiohttp.WSMessage) -> bool:
    """Raises HomeportError when the server says why it does not go on."""
    if message.type is not aiohttp.WSMsgType.TEXT:
        return False
    plain = message.json()
    if plain.get("type") == "error":
        raise error_from_body(400, message.data.encode())
    return watched.take(plain)


async def _connect(transport: Transport, *, patient: bool) -> aiohttp.ClientWebSocketResponse:
    """The first time an outage is an error; later it is waited out."""
    retrying = AsyncRetrying(
        stop=stop_after_delay(_RECONNECT_SECONDS),
        wait=wait_random_exponential(multiplier=0.2, max=3.0),
        retry=retry_if_exception(lambda error: patient and _is_outage(error)),
        reraise=True,
    )
    async for attempt in retrying:
        with attempt:
            return await transport.websocket("watch")
    raise AssertionError("unreachable: tenacity returns or raises")


def _is_outage(error: BaseException) -> bool:
    return isinstance(error, HomeportError) and error.code is ErrorCode.UNAVAILABLE

"""A WebSocket over HTTP/2 as a browser has it, by codecs of others: h2 and wsproto here, aiohttp's server behind."""

import asyncio
import ssl

from aiohttp import web
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, Event, RemoteSettingsChanged, ResponseReceived, StreamEnded
from h2.settings import SettingCodes
from wsproto.connection import Connection, ConnectionType
from wsproto.events import BytesMessage, CloseConnection, Ping, Pong, TextMessage
from wsproto.extensions import PerMessageDeflate

from homeport.tls import front_tls, load_pair
from tests.fakes import protocols_model
from tests.fakes.certs import authority, issue
from tests.fakes.data_plane import TOKEN, DataPlane

PATIENCE = 60.0


class AiohttpModel:
    def __init__(self) -> None:
        self.port = 0
        self._runner = web.AppRunner(protocols_model.app())

    async def start(self) -> None:
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def close(self) -> None:
        await self._runner.cleanup()


class Browser:
    """One connection, and what h2 makes of what comes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.h2 = H2Connection(H2Configuration(client_side=True))
        self.reader = reader
        self.writer = writer
        self.events: list[Event] = []
        self.h2.initiate_connection()

    def flush(self) -> None:
        self.writer.write(self.h2.data_to_send())

    async def next(self, *kinds: type[Event]) -> Event:
        async with asyncio.timeout(PATIENCE):
            while True:
                for number, event in enumerate(self.events):
                    if isinstance(event, kinds):
                        return self.events.pop(number)
                data = await self.reader.read(65536)
                assert data, "the gateway hung up"
                for event in self.h2.receive_data(data):
                    if isinstance(event, DataReceived) and event.flow_controlled_length:
                        self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                    self.events.append(event)
                self.flush()


class Talk:
    """A WebSocket on one of its streams."""

    def __init__(self, browser: Browser, stream_id: int) -> None:
        self.browser = browser
        self.stream_id = stream_id
        deflate = PerMessageDeflate()
        deflate.finalize("permessage-deflate")
        self.frames = Connection(ConnectionType.CLIENT, [deflate])
        self.heard: list[object] = []

    async def say(self, message: TextMessage | BytesMessage | Ping | CloseConnection) -> None:
        data = self.frames.send(message)
        h2 = self.browser.h2
        while data:
            room = min(h2.local_flow_control_window(self.stream_id), h2.max_outbound_frame_size, len(data))
            if room:
                h2.send_data(self.stream_id, data[:room])
                data = data[room:]
            self.browser.flush()
            if not room:
                await self.hear_something()

    async def hear_something(self) -> None:
        event = await self.browser.next(DataReceived)
        assert isinstance(event, DataReceived)
        self.frames.receive_data(event.data)
        self.heard += self.frames.events()

    async def message(self) -> str | bytes:
        whole: list[str] | list[bytes] = []
        while True:
            while not self.heard:
                await self.hear_something()
            part = self.heard.pop(0)
            assert isinstance(part, TextMessage | BytesMessage)
            whole.append(part.data)  # type: ignore[arg-type]
            if part.message_finished:
                return (b"" if isinstance(part, BytesMessage) else "").join(whole)  # type: ignore[arg-type]


async def test_a_talk_with_messages_of_all_kinds() -> None:
    front = front_tls(http2=True)
    load_pair(front, *issue(authority().ca, san_dns="gateway"))
    trust = ssl.create_default_context(cadata=authority().ca.pem.decode())
    trust.set_alpn_protocols(["h2", "http/1.1"])
    async with DataPlane(tls=front, served_model_name=protocols_model.MODEL) as plane:
        await plane.serve(AiohttpModel())
        reader, writer = await asyncio.open_connection("127.0.0.1", plane.port, ssl=trust, server_hostname="gateway")
        browser = Browser(reader, writer)
        browser.flush()
        settings = await browser.next(RemoteSettingsChanged)
        assert isinstance(settings, RemoteSettingsChanged)
        assert settings.changed_settings[SettingCodes.ENABLE_CONNECT_PROTOCOL].new_value == 1

        stream_id = browser.h2.get_next_available_stream_id()
        headers = [
            (":method", "CONNECT"),
            (":protocol", "websocket"),
            (":scheme", "https"),
            (":path", "/v1/realtime?model=chat"),
            (":authority", "gateway"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-protocol", f"realtime, homeport.bearer.{TOKEN}"),
            ("sec-websocket-extensions", "permessage-deflate"),
        ]
        browser.h2.send_headers(stream_id, headers)
        browser.flush()
        answer = await browser.next(ResponseReceived)
        assert isinstance(answer, ResponseReceived)
        head = dict(answer.headers)
        assert (head[b":status"], head[b"sec-websocket-protocol"]) == (b"200", b"realtime")
        assert head[b"sec-websocket-extensions"] == b"permessage-deflate"

        talk = Talk(browser, stream_id)
        for text in ("hello", "x" * 300_000):
            await talk.say(TextMessage(text))
            assert await talk.message() == text.upper()
        await talk.say(BytesMessage(b"a" * 100_000))
        assert await talk.message() == b"A" * 100_000
        await talk.say(Ping(b"there?"))
        while not talk.heard:
            await talk.hear_something()
        pong = talk.heard.pop()
        assert isinstance(pong, Pong) and pong.payload == b"there?"
        await talk.say(CloseConnection(1000))
        while not talk.heard:
            await talk.hear_something()
        closed = talk.heard.pop()
        assert isinstance(closed, CloseConnection) and closed.code == 1000
        await browser.next(StreamEnded)
        writer.close()
        await plane.until(lambda: not plane.gateway.active)

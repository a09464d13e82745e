"""Where gRPC calls go, and what is answered where they go nowhere. tests/conformance/grpc has gRPC's own client."""

import asyncio
import struct
from collections.abc import AsyncIterator
from urllib.parse import unquote

import pytest

from agent.relay.deployment import Upstream
from homeport.core.errors import ErrorCode
from homeport.gateway.http2.grpc_request import GrpcRequest
from homeport.gateway.http2.grpc_status import GRPC_STATUS
from homeport.gateway.routing.routes import RoutePolicy
from homeport.http2.endpoint import Endpoint
from homeport.http2.errors import REFUSED_STREAM
from homeport.http2.header_block import Headers
from homeport.http2.stream import Stream
from homeport.http2.terms import CLIENT
from tests.fakes.data_plane import DataPlane, TestPrincipal
from tests.fakes.grpc_model import GrpcModel
from tests.fakes.http2_client import Asked, Http2Client, connect
from tests.fakes.model_server import ModelServer

INFERENCE = "/inference.GRPCInferenceService"
INVALID_ARGUMENT, NOT_FOUND, FAILED_PRECONDITION, UNIMPLEMENTED, UNAVAILABLE, UNAUTHENTICATED = 3, 5, 9, 12, 14, 16
# Of a call whose waiting and whose deadline end at once: whichever is seen first.
GIVEN_UP = (UNAVAILABLE, 4)
GRPC: Headers = [(b"content-type", b"application/grpc"), (b"te", b"trailers")]
TO_CHAT: Headers = [*GRPC, (b"x-homeport-deployment", b"chat")]


def message(name: str = "", rest: bytes = b"") -> bytes:
    named = b"\x0a" + bytes((len(name),)) + name.encode() if name else b""
    return struct.pack("!BI", 0, len(named + rest)) + named + rest


class Told:
    """What a call came to."""

    def __init__(self, asked: Asked) -> None:
        last = asked.heads[-1]
        self.status = int(last[b"grpc-status"])
        self.text = unquote(last.get(b"grpc-message", b"").decode())
        self.body = asked.body
        assert asked.status == 200
        assert asked.heads[0][b"content-type"].startswith(b"application/grpc")
        assert asked.heads[0][b"x-request-id"]


class FallingModel:
    """It falls over each call, or `refuses` it unseen."""

    def __init__(self, refuses: bool = False, answers: Headers | None = None) -> None:
        self.port = self.calls = 0
        self._refuses = refuses
        self._answers = answers
        self._endpoints: list[Endpoint] = []
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._connection, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
        for endpoint in self._endpoints:
            endpoint.abort()
            await endpoint.closed

    def _connection(self) -> Endpoint:
        def fall(stream: Stream, headers: Headers, last: bool) -> None:
            self.calls += 1
            if self._refuses:
                endpoint.connection.reset(stream, REFUSED_STREAM)
            elif self._answers is not None:
                endpoint.connection.send_headers(stream, self._answers, last=True)
            else:
                endpoint.abort()

        endpoint = Endpoint(on_stream=fall, terms=CLIENT)
        self._endpoints.append(endpoint)
        return endpoint


@pytest.fixture
async def plane() -> AsyncIterator[DataPlane]:
    async with DataPlane(served_model_name="served") as plane:
        yield plane


@pytest.fixture
async def client(plane: DataPlane) -> AsyncIterator[Http2Client]:
    client = await connect(plane.port)
    yield client
    client.close()


async def call(client: Http2Client, path: str, body: bytes | None, fields: Headers | None = None) -> Told:
    return Told(await client.answer("POST", path, body, GRPC if fields is None else fields))


async def test_the_first_message_leads_to_the_deployment_and_gets_the_servers_name(
    plane: DataPlane, client: Http2Client
) -> None:
    await plane.serve(GrpcModel())
    for name in ("tiny", "chat"):
        told = await call(client, f"{INFERENCE}/ModelInfer", message(name, b"\x1a\x02id"))
        assert (told.status, told.body) == (0, message("served", b"\x1a\x02id"))
    stream = await call(client, f"{INFERENCE}/ModelStreamInfer", message("tiny") + message("chat") + message("else"))
    assert stream.body == message("served") + message("served") + message("else")


async def test_metadata_goes_before_the_name(plane: DataPlane, client: Http2Client) -> None:
    await plane.serve(GrpcModel())
    other = await call(client, f"{INFERENCE}/ModelInfer", message("another of the server's"), TO_CHAT)
    assert other.body == message("another of the server's")
    ours = await call(client, f"{INFERENCE}/ModelInfer", message("tiny"), TO_CHAT)
    assert ours.body == message("served")


async def test_any_other_service_goes_to_the_only_deployment(plane: DataPlane, client: Http2Client) -> None:
    await plane.serve(GrpcModel())
    assert (await call(client, "/any.Service/Method", message("x"))).body == message("x")
    plane.table.put(RoutePolicy("second", "other"))
    told = await call(client, "/any.Service/Method", message("x"))
    assert (told.status, "chat, second" in told.text) == (FAILED_PRECONDITION, True)


@pytest.mark.parametrize(
    ("path", "body", "status", "words"),
    [
        (f"{INFERENCE}/ModelInfer", message("tinny"), NOT_FOUND, "tiny"),
        (f"{INFERENCE}/ModelInfer", message(), INVALID_ARGUMENT, "x-homeport-deployment"),
        (f"{INFERENCE}/ModelInfer", b"", INVALID_ARGUMENT, "names no model"),
        (f"{INFERENCE}/ModelInfer", None, INVALID_ARGUMENT, "names no model"),
        (f"{INFERENCE}/ModelInfer", message("tiny")[:4], INVALID_ARGUMENT, "cut off"),
        ("/any.Service/../x", message(), None, ""),
    ],
)
async def test_calls_that_lead_nowhere(
    plane: DataPlane, client: Http2Client, path: str, body: bytes | None, status: int | None, words: str
) -> None:
    model = GrpcModel()
    await plane.serve(model)
    asked = await client.answer("POST", path, body, GRPC)
    if status is None:
        # Of HTTP itself: gRPC's clients read such an answer, too.
        assert asked.status == 400
    else:
        told = Told(asked)
        assert (told.status, words in told.text) == (status, True), told.text
    assert not model.methods


async def test_who_may_call(plane: DataPlane) -> None:
    client = await connect(plane.port)
    told = await call(client, "/any.Service/Method", message(), [*GRPC, (b"authorization", b"Bearer hp1.no.body")])
    assert told.status == UNAUTHENTICATED
    plane.principals["hp1.test.secret"] = TestPrincipal(models=frozenset(("elsewhere",)))
    told = await call(client, f"{INFERENCE}/ModelInfer", message("tiny"))
    assert told.status == GRPC_STATUS[ErrorCode.PERMISSION_DENIED]
    client.close()


async def test_what_the_gateway_answers_itself(plane: DataPlane, client: Http2Client) -> None:
    for method in ("ServerLive", "ServerReady"):
        assert (await call(client, f"{INFERENCE}/{method}", message())).body == message(rest=b"\x08\x01")
    metadata = await call(client, f"{INFERENCE}/ServerMetadata", message())
    assert b"homeport" in metadata.body
    no_token: Headers = [*GRPC, (b"authorization", b"")]
    health = await call(client, "/grpc.health.v1.Health/Check", message(), no_token)
    assert (health.status, health.body) == (0, message(rest=b"\x08\x01"))


async def test_without_a_node_a_call_waits_and_then_fails_with_its_status() -> None:
    async with DataPlane() as plane:
        client = await connect(plane.port)
        told = await call(client, "/any.Service/Method", message(), [*GRPC, (b"grpc-timeout", b"100m")])
        assert told.status in GIVEN_UP
        odd = await call(client, "/any.Service/Method", message(), [*GRPC, (b"grpc-timeout", b"soon")])
        assert odd.status == INVALID_ARGUMENT
        client.close()


async def test_a_model_that_speaks_no_http_2_is_said_to(plane: DataPlane, client: Http2Client) -> None:
    await plane.serve(ModelServer())
    told = await call(client, "/any.Service/Method", message(), TO_CHAT)
    assert (told.status, "does not speak HTTP/2" in told.text) == (UNIMPLEMENTED, True), told.text
    # Who speaks HTTP/1.1 to it is answered all the same.
    assert (await client.answer("POST", "/d/chat/x", b"hello")).body == b"hello"


async def test_a_replica_that_is_gone_is_passed_over() -> None:
    async with DataPlane(nodes=2) as plane:
        gone, sound = GrpcModel(), GrpcModel()
        await plane.serve(gone, node=plane.nodes[0])
        await plane.serve(sound, node=plane.nodes[1])
        await gone.close(0)
        client = await connect(plane.port)
        assert (await call(client, "/any.Service/Method", message("x"), TO_CHAT)).body == message("x")
        client.close()


async def test_a_call_to_inference_that_was_lost_runs_once_more_and_another_does_not() -> None:
    async with DataPlane(nodes=2) as plane:
        falls, stands = FallingModel(), GrpcModel()
        await plane.serve(falls, node=plane.nodes[0])
        await plane.serve(stands, node=plane.nodes[1])
        client = await connect(plane.port)
        other = await call(client, "/any.Service/Method", message("x"), TO_CHAT)
        assert (other.status, falls.calls, stands.methods) == (UNAVAILABLE, 1, [])
        # Passive ejection knows nothing of it yet: one loss is none.
        inference = await call(client, f"{INFERENCE}/ModelInfer", message("chat"), TO_CHAT)
        assert (inference.status, inference.body, falls.calls) == (0, message("chat"), 2)
        client.close()


async def test_a_call_that_a_replica_refuses_unseen_goes_elsewhere_whatever_it_is() -> None:
    async with DataPlane(nodes=2) as plane:
        refuses, stands = FallingModel(refuses=True), GrpcModel()
        await plane.serve(refuses, node=plane.nodes[0])
        await plane.serve(stands, node=plane.nodes[1])
        client = await connect(plane.port)
        told = await call(client, "/any.Service/Method", message("x"), TO_CHAT)
        assert (told.status, told.body, refuses.calls, len(stands.methods)) == (0, message("x"), 1, 1)
        client.close()


@pytest.mark.parametrize(
    "answers", [[(b"x-a", b"1")], [(b":status", b"99999999")], [(b":status", b"200"), (b"x-a", b"1\r\nx-b: 2")]]
)
async def test_an_answer_that_is_no_proper_http_2_is_no_answer(
    plane: DataPlane, client: Http2Client, answers: Headers
) -> None:
    await plane.serve(FallingModel(answers=answers))
    assert (await call(client, "/any.Service/Method", message(), TO_CHAT)).status == UNAVAILABLE


async def test_nobody_is_told_of_his_waiting_in_events(plane: DataPlane, client: Http2Client) -> None:
    fields = [*TO_CHAT, (b"x-homeport-progress", b"true"), (b"grpc-timeout", b"1500m")]
    assert (await call(client, "/any.Service/Method", message(), fields)).status in GIVEN_UP


def test_every_error_has_a_status() -> None:
    assert GRPC_STATUS.keys() == set(ErrorCode)


async def test_a_stream_that_says_nothing_keeps_open(plane: DataPlane, client: Http2Client) -> None:
    await plane.serve(GrpcModel())
    asked = client.ask("POST", "/any.Calls/Bidi", message("one"), TO_CHAT, last=False)
    await asked.until(lambda: asked.body == message("one"))
    for request in plane.gateway.active:
        request.on_body_timeout()
    asked.send(message("two"), True)
    await asked.until()
    assert Told(asked).body == message("one") + message("two")
    await asyncio.sleep(0)


async def test_a_replica_with_a_port_for_grpc_gets_it_there_and_all_else_at_the_other(
    plane: DataPlane, client: Http2Client
) -> None:
    plain, grpc = ModelServer(), GrpcModel()
    await plane.serve(plain)
    await grpc.start()
    try:
        upstream = Upstream("node-1-replica-0", "127.0.0.1", plain.port, grpc.port)
        plane.node.relay.set_upstreams("chat", [upstream])
        told = await call(client, f"{INFERENCE}/ModelInfer", message("tiny"))
        assert (told.status, told.body) == (0, message("served"))
        over_http = await client.answer("POST", "/d/chat/infer", b"hello", [(b"content-type", b"application/json")])
        assert (over_http.status, over_http.body) == (200, b"hello")
        assert [each.line for each in plain.calls] == ["POST /infer HTTP/1.1"]
        assert [each.rpartition("/")[2] for each in grpc.methods] == ["ModelInfer"]
    finally:
        await grpc.close()


async def test_calls_with_the_same_wrong_head_are_answered_alike_and_keep_nothing_of_each_other(
    plane: DataPlane, client: Http2Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    met: list[GrpcRequest] = []
    direct = GrpcRequest._direct

    def watched(request: GrpcRequest) -> None:
        met.append(request)
        direct(request)

    monkeypatch.setattr(GrpcRequest, "_direct", watched)
    for _ in range(3):
        told = await call(client, "/any.Service/Method", message(), [*GRPC, (b"grpc-timeout", b"soon")])
        assert told.status == INVALID_ARGUMENT
    # The first head of a connection begins with what is said once; of the others one was read, and the last is it.
    assert met[-1]._heading is met[-2]._heading
    problem = met[-1]._heading.problem
    assert problem is not None and problem.__traceback__ is None

import json

from tests.fakes.data_plane import DataPlane
from tests.fakes.model_server import Call, ModelServer


async def test_a_request_goes_through_and_comes_back() -> None:
    async with DataPlane() as plane:
        server = ModelServer()
        await plane.serve(server)
        client = await plane.connect()
        status, headers, body = await client.ask("POST", "/d/chat/predict?x=1", b"hello", "x-request-id: abc\r\n")
        assert (status, body, headers["x-request-id"]) == (200, b"hello", "abc")
        call = server.calls[0]
        assert call.line == "POST /predict?x=1 HTTP/1.1"
        assert call.headers["x-request-id"] == "abc"
        assert "authorization" not in call.headers
        assert call.headers["host"] == f"127.0.0.1:{server.port}"
        status, _, body = await client.ask("POST", "/v1/chat/completions", json.dumps({"model": "tiny"}).encode())
        assert (status, json.loads(body)) == (200, {"model": "tiny"})
        client.close()


async def test_events_pass_one_by_one() -> None:
    async with DataPlane() as plane:
        waiting: list[Call] = []

        async def stream(call: Call) -> None:
            waiting.append(call)
            call.begin_chunks()
            call.chunk(b"data: 0\n\n")
            await call.gone.wait()

        await plane.serve(ModelServer(stream))
        client = await plane.connect()
        client.send("POST", "/v1/chat/completions", b'{"model":"chat"}')
        status, headers = await client.head()
        assert (status, headers["content-type"]) == (200, "text/event-stream")
        assert await client.chunk() == b"data: 0\n\n"
        for number in range(1, 5):
            event = b"data: %d\n\n" % number
            waiting[0].chunk(event)
            # The next is only sent when this one is here: nothing holds it back until more comes.
            assert await client.chunk() == event
        waiting[0].chunk(b"")
        assert await client.chunk() == b""
        client.close()

"""Which deployment a request goes to: named in header, path, target, JSON or form, or the only one there is."""

import json
from dataclasses import replace

import pytest

from homeport.gateway.routing.model_field import MAX_BODY
from tests.fakes.data_plane import DataPlane, TestPrincipal
from tests.fakes.model_server import ModelServer

FORM = "content-type: multipart/form-data; boundary=xyz\r\n"
FILE = b'--xyz\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\nContent-Type: audio/wav\r\n\r\n'


def form(model: str, before: bytes = b"", after: bytes = b"") -> bytes:
    """Its file holds `before` or `after` the field."""
    field = b'--xyz\r\nContent-Disposition: form-data; name="model"\r\n\r\n%b\r\n' % model.encode() if model else b""
    first = FILE + before + b"\r\n" if before else b""
    return first + field + FILE + after + b"\r\n--xyz--\r\n"


def two(plane: DataPlane) -> None:
    plane.table.put(replace(plane.route, deployment_id="other", model_id="large"))


@pytest.mark.parametrize(
    ("method", "path", "body", "headers"),
    [
        ("GET", "/v1/files/f-1", b"", ""),
        ("DELETE", "/v1/files/f-1", b"", ""),
        ("POST", "/v1/batches/b-1/cancel", b"", ""),
        ("POST", "/v1/chat/completions", b"{}", "content-type: application/json\r\n"),
        ("PUT", "/v1/blobs/1", b"\0\1", "content-type: application/octet-stream\r\n"),
        ("POST", "/v1/files", form("", after=b"x" * 100), FORM),
        ("POST", "/v1/files", form("", after=b"x" * (3 * MAX_BODY)), FORM),
    ],
)
async def test_what_names_none_goes_to_the_only_one(method: str, path: str, body: bytes, headers: str) -> None:
    async with DataPlane() as plane:
        server = ModelServer()
        await plane.serve(server)
        client = await plane.connect()
        status, _, answer = await client.ask(method, path, body, headers)
        assert (status, answer) == (200, body)
        assert server.calls[0].line == f"{method} {path} HTTP/1.1"
        two(plane)
        client = await plane.connect()
        status, _, answer = await client.ask(method, path, body, headers)
        if len(body) > MAX_BODY:
            assert status == 413
        else:
            assert (status, json.loads(answer)["error"]["code"]) == (409, "conflict")
            assert "chat, other" in json.loads(answer)["error"]["message"]
        # Of two, the one that the token may invoke is the only one.
        plane.principals["hp1.chat.secret"] = TestPrincipal("chat", models=frozenset({"chat"}))
        client = await plane.connect()
        assert (await client.ask(method, path, body, headers, "hp1.chat.secret"))[0] == 200
        assert len(server.calls) == 2


async def test_a_target_may_name_a_model_and_has_its_own_name_behind_the_gateway() -> None:
    async with DataPlane(served_model_name="org/tiny 1b") as plane:
        two(plane)
        server = ModelServer()
        await plane.serve(server)
        client = await plane.connect()
        for path, seen in {
            "/v1/realtime?x=1&model=tiny&y=2": "/v1/realtime?x=1&model=org%2Ftiny%201b&y=2",
            "/v2/models/chat/ready": "/v2/models/org%2Ftiny%201b/ready",
            "/v2/models/t%69ny/versions/1/infer?a=b": "/v2/models/org%2Ftiny%201b/versions/1/infer?a=b",
            "/d/chat/v2/models/whatever": "/v2/models/org%2Ftiny%201b",
            "/d/chat/models/whatever": "/models/whatever",
        }.items():
            assert (await client.ask("GET", path))[0] == 200
            assert server.calls[-1].line == f"GET {seen} HTTP/1.1"
        assert (await client.ask("GET", "/v1/realtime?model=tnyi"))[0] == 404


@pytest.mark.parametrize("served", ["", "whisper-large-v3"])
@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("path", ["/v1/audio/transcriptions", "/d/chat/v1/audio/transcriptions"])
async def test_a_form_names_its_model(served: str, chunked: bool, path: str) -> None:
    async with DataPlane(served_model_name=served) as plane:
        two(plane)
        server = ModelServer()
        await plane.serve(server)
        small, large = b"\r\n--xy\r\n\r\n" * 50, b"\r\n--xyz-\r\n" * (MAX_BODY // 8)
        for before, after in ((b"", large), (small, small), (b"", b"")):
            body = form("tiny", before, after)
            client = await plane.connect()
            if chunked:
                client.writer.write(
                    f"POST {path} HTTP/1.1\r\nhost: a\r\nauthorization: Bearer hp1.test.secret\r\n{FORM}"
                    "transfer-encoding: chunked\r\n\r\n".encode()
                )
                for start in range(0, len(body), 50_000):
                    piece = body[start : start + 50_000]
                    client.writer.write(b"%x\r\n%b\r\n" % (len(piece), piece))
                    await client.writer.drain()
                client.writer.write(b"0\r\n\r\n")
                status, _, answer = await client.answer()
            else:
                status, _, answer = await client.ask("POST", path, body, FORM)
            assert status == 200
            assert answer == form(served or "tiny", before, after)


@pytest.mark.parametrize("served", ["", "org/real"])
@pytest.mark.parametrize("path", ["/v1/chat/completions", "/d/chat/v1/chat/completions"])
async def test_a_long_body_that_begins_with_its_model_streams_through(served: str, path: str) -> None:
    async with DataPlane(served_model_name=served) as plane:
        two(plane)
        server = ModelServer()
        await plane.serve(server)
        long = {"messages": [{"content": 'x\\",' * (MAX_BODY // 2)}]}
        client = await plane.connect()
        body = json.dumps({"n": 1, "model": "tiny"} | long).encode()
        status, _, answer = await client.ask("POST", path, body, "content-type: application/json\r\n")
        assert (status, json.loads(answer)) == (200, {"n": 1, "model": served or "tiny"} | long)
        client = await plane.connect()
        body = json.dumps(long | {"model": "tiny"}).encode()
        status, _, answer = await client.ask("POST", path, body, "content-type: application/json\r\n")
        # By path it needs no name, and keeps the one that it has.
        assert (status, answer == body) == ((200, True) if path.startswith("/d/") else (413, False))


async def test_forms_that_lead_nowhere() -> None:
    async with DataPlane() as plane:
        two(plane)
        client = await plane.connect()
        cases = [
            (form("tyni"), 404, "tiny"),
            (form("tiny", before=b"x" * (3 * MAX_BODY)), 413, "before"),
            (form(""), 409, "chat, other"),
            (form("x" * 2000), 409, "chat, other"),
            (b"no form at all", 409, "chat, other"),
        ]
        for body, expected, says in cases:
            client = await plane.connect()
            status, _, answer = await client.ask("POST", "/v1/audio/transcriptions", body, FORM)
            error = json.loads(answer)["error"]
            assert status == expected, answer
            assert says in error["message"] + error["hint"]

"""Requests that different servers would read differently: refused, closed, and never seen by a model server."""

import pytest

from tests.fakes.data_plane import TOKEN, DataPlane
from tests.fakes.model_server import ModelServer

AUTH = f"authorization: Bearer {TOKEN}\r\n"
CHUNKED = "transfer-encoding: chunked\r\n"

HOSTILE = {
    "length and chunked": f"POST /d/chat/ HTTP/1.1\r\nhost: a\r\n{AUTH}content-length: 3\r\n{CHUNKED}\r\n0\r\n\r\n",
    "chunked and length": f"POST /d/chat/ HTTP/1.1\r\nhost: a\r\n{AUTH}{CHUNKED}content-length: 3\r\n\r\n0\r\n\r\n",
    "two lengths": f"POST /d/chat/ HTTP/1.1\r\nhost: a\r\n{AUTH}content-length: 3\r\ncontent-length: 4\r\n\r\nabcd",
    "one length twice": f"POST /d/chat/ HTTP/1.1\r\nhost: a\r\n{AUTH}content-length: 3\r\ncontent-length: 3\r\n\r\nabc",
    "list of lengths": f"POST /d/chat/ HTTP/1.1\r\nhost: a\r\n{AUTH}content-length: 3, 3\r\n\r\nabc",
    "length with a sign": f"POST /d/chat/ HTTP/1.1\r\nhost: a\r\n{AUTH}content-length: +3\r\n\r\nabc",
    "negative length": f"POST /d/chat/ HTTP/1.1\r\nhost: a\r\n{AUTH}content-length: -1\r\n\r\n",
    "hexadecimal length": f"POST /d/chat/ HTTP/1.1\r\nhost: a\r\n{AUTH}content-length: 0x3\r\n\r\nabc",
    "coding twice": f"POST /d/chat/ HTTP/1.1\r\nhost: a\r\n{AUTH}{CHUNKED}{CHUNKED}\r\n0\r\n\r\n",
    "other coding": f"POST /d/chat/ HTTP/1.1\r\nhost: a\r\n{AUTH}transfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "coding not last": f"POST /d/chat/ HTTP/1.1\r\nhost: a\r\n{AUTH}transfer-encoding: chunked, identity\r\n\r\n",
    "almost chunked": f"POST /d/chat/ HTTP/1.1\r\nhost: a\r\n{AUTH}transfer-encoding: xchunked\r\n\r\n0\r\n\r\n",
    "space before colon": f"POST /d/chat/ HTTP/1.1\r\nhost: a\r\n{AUTH}transfer-encoding : chunked\r\n\r\n0\r\n\r\n",
    "coding in HTTP/1.0": f"POST /d/chat/ HTTP/1.0\r\nhost: a\r\n{AUTH}{CHUNKED}\r\n0\r\n\r\n",
    "folded header": f"GET /d/chat/ HTTP/1.1\r\nhost: a\r\n{AUTH}x-a: b\r\n c\r\n\r\n",
    "bare line feed": f"GET /d/chat/ HTTP/1.1\nhost: a\n{AUTH}\n\r\n\r\n",
    "bare line feed between headers": f"GET /d/chat/ HTTP/1.1\r\nhost: a\nx-a: b\r\n{AUTH}\r\n",
    "bare carriage return": f"GET /d/chat/ HTTP/1.1\r\nhost: a\r\n{AUTH}x-a: b\rc\r\n\r\n",
    "NUL in a header": f"GET /d/chat/ HTTP/1.1\r\nhost: a\r\n{AUTH}x-a: b\0c\r\n\r\n",
    "no host": f"GET /d/chat/ HTTP/1.1\r\n{AUTH}\r\n",
    "two hosts": f"GET /d/chat/ HTTP/1.1\r\nhost: a\r\nhost: b\r\n{AUTH}\r\n",
    "absolute target": f"GET http://169.254.169.254/latest HTTP/1.1\r\nhost: a\r\n{AUTH}\r\n",
    "double slash": f"GET //evil.example/d/chat/ HTTP/1.1\r\nhost: a\r\n{AUTH}\r\n",
    "dot segments": f"GET /d/chat/../../admin HTTP/1.1\r\nhost: a\r\n{AUTH}\r\n",
    "encoded dot segments": f"GET /d/chat/%2e%2e/%2E%2E/admin HTTP/1.1\r\nhost: a\r\n{AUTH}\r\n",
    "dots behind an encoded slash": f"GET /d/chat/x%2f..%2fadmin HTTP/1.1\r\nhost: a\r\n{AUTH}\r\n",
    "dots behind a backslash": f"GET /d/chat/x%5c..%5cadmin HTTP/1.1\r\nhost: a\r\n{AUTH}\r\n",
    "dots with a parameter": f"GET /d/chat/..;/admin HTTP/1.1\r\nhost: a\r\n{AUTH}\r\n",
    "dots with a parameter, encoded": f"GET /d/chat/%2e%2e%3bx=y/admin HTTP/1.1\r\nhost: a\r\n{AUTH}\r\n",
    "encoded NUL": f"GET /d/chat/%00 HTTP/1.1\r\nhost: a\r\n{AUTH}\r\n",
    "space in the target": f"GET /d/chat/ x HTTP/1.1\r\nhost: a\r\n{AUTH}\r\n",
    "chunk size with prefix": f"POST /d/chat/ HTTP/1.1\r\nhost: a\r\n{AUTH}{CHUNKED}\r\n0x3\r\nabc\r\n0\r\n\r\n",
    "chunk longer than said": f"POST /d/chat/ HTTP/1.1\r\nhost: a\r\n{AUTH}{CHUNKED}\r\n3\r\nabcd\r\n0\r\n\r\n",
    "chunk with bare line feeds": f"POST /d/chat/ HTTP/1.1\r\nhost: a\r\n{AUTH}{CHUNKED}\r\n3\nabc\n0\n\n",
    "upgrade to h2c": f"GET /d/chat/ HTTP/1.1\r\nhost: a\r\n{AUTH}connection: upgrade\r\nupgrade: h2c\r\n\r\n",
    "GET with a body": f"GET /d/chat/ HTTP/1.1\r\nhost: a\r\n{AUTH}content-length: 3\r\n\r\nabc",
    "not ASCII in a name": f"GET /d/chat/ HTTP/1.1\r\nhost: a\r\n{AUTH}x-\xe4: b\r\n\r\n",
}


async def test_hostile_requests_get_400_and_the_model_sees_none_of_them() -> None:
    async with DataPlane() as plane:
        server = ModelServer()
        await plane.serve(server)
        statuses = {}
        for name, request in HOSTILE.items():
            client = await plane.connect()
            # A second request behind it: what a smuggler hopes for.
            client.writer.write(
                request.encode("latin-1") + f"GET /d/chat/second HTTP/1.1\r\nhost: a\r\n{AUTH}\r\n".encode()
            )
            # A body may be refused after its head was sent on, then the connection just ends; never a 2xx.
            answer = await client.at_end()
            statuses[name] = answer.split(b" ")[1:2]
            client.close()
        assert {name: status for name, status in statuses.items() if status != [b"400"]} == {}
        assert [call.line for call in server.calls] == []


async def test_other_refusals_have_statuses_of_their_own() -> None:
    cases = {
        b"GET /d/chat/ HTTP/1.1\r\nhost: a\r\n" + b"x-a: b\r\n" * 300 + b"\r\n": b"431",
        b"GET /d/chat/ HTTP/1.1\r\nhost: a\r\nx-a: " + b"b" * 70_000 + b"\r\n\r\n": b"431",
        b"CONNECT a:443 HTTP/1.1\r\nhost: a\r\n\r\n": b"501",
        b"POST /d/chat/ HTTP/1.1\r\nhost: a\r\nexpect: something\r\n\r\n": b"417",
    }
    async with DataPlane() as plane:
        await plane.serve(ModelServer())
        for request, status in cases.items():
            client = await plane.connect()
            client.writer.write(request)
            answer = await client.at_end()
            assert answer.split(b" ")[1] in (status, b"400"), (request[:40], answer[:60])
            client.close()


async def test_who_declares_the_token_a_matter_of_this_hop_has_sent_none() -> None:
    async with DataPlane() as plane:
        server = ModelServer()
        await plane.serve(server)
        client = await plane.connect()
        status, _, _ = await client.ask("POST", "/d/chat/", b"x", "connection: authorization\r\n")
        assert (status, server.calls) == (401, [])
        client.close()


@pytest.mark.parametrize("header", ["connection: x-secret", "proxy-authorization: x", "te: trailers"])
async def test_headers_of_one_hop_stay_on_it(header: str) -> None:
    async with DataPlane() as plane:
        server = ModelServer()
        await plane.serve(server)
        client = await plane.connect()
        status, _, _ = await client.ask(
            "POST", "/d/chat/", b"x", f"{header}\r\nx-secret: 1\r\nx_request_id: forged\r\n"
        )
        assert status == 200
        seen = server.calls[0].headers
        assert not seen.keys() & {"proxy-authorization", "authorization", "x_request_id"}
        # That trailers are welcome is what the gateway says of itself.
        told = "te" if header.startswith("te:") else None
        assert seen.get("connection") == told
        assert seen.get("te") == (told and "trailers")
        assert ("x-secret" in seen) == ("x-secret" not in header)
        client.close()

import asyncio

from homeport.http1.limits import Timeouts
from tests.fakes.plain_front import PlainFront

POST = b"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"


async def test_a_connection_serves_one_request_after_the_other() -> None:
    async with PlainFront() as front:
        received = await front.send(POST, b"GET /b HTTP/1.1\r\nHost: a\r\n\r\n", POST)
        assert received.count(b"HTTP/1.1 200 OK\r\n") == 3
        assert [exchange.head.target for exchange in front.exchanges] == [b"/a", b"/b", b"/a"]


async def test_pipelined_requests_are_answered_in_order() -> None:
    async with PlainFront(answers=False) as front:
        reader, writer = await asyncio.open_connection("127.0.0.1", front.port)
        writer.write(POST + b"GET /b HTTP/1.1\r\nHost: a\r\n\r\n")
        first = await front.next()
        assert front.exchanges == [first], "the second must wait for the first one's answer"
        first.chunk(b"one", last=True)
        (await front.next()).chunk(b"two", last=True)
        async with asyncio.timeout(60):
            assert b"one" in await reader.readuntil(b"0\r\n\r\n")
            assert b"two" in await reader.readuntil(b"0\r\n\r\n")
        writer.close()


async def test_byte_by_byte_is_the_same_request() -> None:
    async with PlainFront() as front:
        head = b"POST /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        body = b"2\r\nab\r\n1;x=y\r\nc\r\n0\r\nT: t\r\n\r\n"
        received = await front.send(*[bytes([byte]) for byte in head + body])
        assert received.endswith(b"\r\n\r\nabc")
        assert front.exchanges[0].head.fields == []


async def test_headers_of_this_hop_are_dropped() -> None:
    async with PlainFront() as front:
        await front.send(
            b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close, X-Secret\r\nX-Secret: 1\r\nTE: trailers\r\nX_Twin: 1\r\n"
            b"Keep-Alive: 5\r\nProxy-Authorization: x\r\nX-Kept: 1\r\n\r\n"
        )
        assert front.exchanges[0].head.fields == [(b"x-kept", b"1")]


async def test_the_client_is_told_to_send_an_expected_body() -> None:
    async with PlainFront() as front:
        head = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n"
        reader, writer = await asyncio.open_connection("127.0.0.1", front.port)
        writer.write(head)
        async with asyncio.timeout(60):
            assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
            writer.write(b"abc")
            assert (await reader.readuntil(b"abc")).startswith(b"HTTP/1.1 200 OK\r\n")
        writer.close()


async def test_answers_without_a_body_have_none() -> None:
    async with PlainFront(status=204) as front:
        received = await front.send(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        assert received == b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n"


async def test_head_is_answered_with_the_length_alone() -> None:
    async with PlainFront(answers=False) as front:
        reader, writer = await asyncio.open_connection("127.0.0.1", front.port)
        writer.write(b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n")
        exchange = await front.next()
        exchange.connection.send_head(200, b"", 1234)
        exchange.connection.send_body(b"", True)
        async with asyncio.timeout(60):
            assert b"content-length: 1234\r\n" in await reader.readuntil(b"\r\n\r\n")
        writer.close()


async def test_http_10_gets_no_chunks() -> None:
    async with PlainFront(answers=False) as front:
        reader, writer = await asyncio.open_connection("127.0.0.1", front.port)
        writer.write(b"GET / HTTP/1.0\r\n\r\n")
        exchange = await front.next()
        exchange.chunk(b"one")
        exchange.chunk(b"two", last=True)
        async with asyncio.timeout(60):
            assert await reader.read() == b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nonetwo"
        writer.close()


async def test_an_answer_shorter_than_announced_breaks_the_connection() -> None:
    async with PlainFront(answers=False) as front:
        reader, writer = await asyncio.open_connection("127.0.0.1", front.port)
        writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        exchange = await front.next()
        exchange.connection.send_head(200, b"", 10)
        exchange.connection.send_body(b"short", True)
        async with asyncio.timeout(60):
            assert (await reader.read()).endswith(b"\r\n\r\nshort")
        writer.close()


async def test_a_client_that_leaves_is_noticed() -> None:
    async with PlainFront(answers=False) as front:
        _, writer = await asyncio.open_connection("127.0.0.1", front.port)
        writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        exchange = await front.next()
        writer.close()
        async with asyncio.timeout(60):
            await exchange.disconnected.wait()


async def test_a_head_that_comes_too_slowly_is_given_up() -> None:
    async with PlainFront(timeouts=Timeouts(head=0.0)) as front:
        reader, writer = await asyncio.open_connection("127.0.0.1", front.port)
        writer.write(b"GET / HTTP/1.1\r\nHo")
        async with asyncio.timeout(60):
            assert (await reader.read()).startswith(b"HTTP/1.1 408 ")
        writer.close()


async def test_an_unwanted_body_stops_the_client() -> None:
    async with PlainFront(answers=False) as front:
        _, writer = await asyncio.open_connection("127.0.0.1", front.port)
        total = 64 * 1024 * 1024
        writer.write(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % total)
        exchange = await front.next()
        exchange.connection.want_body(False)
        piece = bytes(1024 * 1024)
        sent = 0
        try:
            async with asyncio.timeout(0.5):
                while sent < total:
                    writer.write(piece)
                    sent += len(piece)
                    await writer.drain()
        except TimeoutError:
            pass
        assert len(exchange.body) <= 1024 * 1024
        writer.transport.abort()

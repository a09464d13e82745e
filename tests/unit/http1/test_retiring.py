"""A server that leaves its clients to others: no request is on its way to a connection that is being closed."""

import asyncio

from tests.fakes.plain_front import PlainFront

GET = b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n"
PATIENCE = 60


async def test_each_connection_ends_with_the_next_answer_on_it() -> None:
    async with PlainFront() as front, asyncio.timeout(PATIENCE):
        reader, writer = await asyncio.open_connection("127.0.0.1", front.port)
        writer.write(GET)
        assert b"connection: close" not in await reader.readuntil(b"\r\n\r\n")
        await front.next()
        retiring = asyncio.create_task(front.server.retire(PATIENCE))
        # It is idle, and stays open until it is used once more.
        await asyncio.sleep(0)
        writer.write(GET)
        assert b"connection: close" in await reader.readuntil(b"\r\n\r\n")
        assert await reader.read() == b""
        writer.close()
        await retiring
        assert front.server.connection_count == 0


async def test_an_answer_that_has_said_nothing_of_it_is_not_the_last() -> None:
    async with PlainFront(answers=False) as front, asyncio.timeout(PATIENCE):
        reader, writer = await asyncio.open_connection("127.0.0.1", front.port)
        writer.write(GET)
        first = await front.next()
        first.chunk(b"one")
        assert b"connection: close" not in await reader.readuntil(b"one")
        retiring = asyncio.create_task(front.server.retire(PATIENCE))
        await asyncio.sleep(0)
        first.chunk(b"two", last=True)
        await reader.readuntil(b"0\r\n\r\n")
        writer.write(GET)
        (await front.next()).chunk(b"three", last=True)
        # Unless it was looked at between the two, the one after that says so.
        while b"connection: close" not in await reader.readuntil(b"0\r\n\r\n"):
            writer.write(GET)
            (await front.next()).chunk(b"more", last=True)
        assert await reader.read() == b""
        writer.close()
        await retiring


async def test_who_stays_for_long_is_not_waited_for() -> None:
    async with PlainFront(answers=False) as front, asyncio.timeout(PATIENCE):
        _, writer = await asyncio.open_connection("127.0.0.1", front.port)
        writer.write(GET)
        await front.next()
        await front.server.retire(0.0)
        assert front.server.connection_count == 1
        writer.close()

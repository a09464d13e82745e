"""Requests that two servers could read differently are refused, and never reach the application."""

import pytest

from tests.fakes.plain_front import PlainFront

HOST = b"Host: a\r\n"
CHUNKED = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"

REFUSED = {
    "CL and TE": (
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        400,
    ),
    "TE and CL": (
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
        400,
    ),
    "two lengths": (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400),
    "two equal lengths": (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na", 400),
    "a list of lengths": (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1, 1\r\n\r\na", 400),
    "signed length": (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\na", 400),
    "hex length": (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x1\r\n\r\na", 400),
    "endless length": (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\na", 400),
    "two codings": (
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
        400,
    ),
    "coding behind a coding": (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 400),
    "misspelt coding": (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 400),
    "coding with a tab": (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n", 400),
    "space before the colon": (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n", 400),
    "TE in HTTP/1.0": (b"POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    "folded header": (b"GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\n 2\r\n\r\n", 400),
    "bare LF": (b"GET / HTTP/1.1\nHost: a\n\n", 400),
    "bare LF in the head": (b"GET / HTTP/1.1\r\nHost: a\r\nX: 1\nY: 2\r\n\r\n", 400),
    "bare CR": (b"GET / HTTP/1.1\r\nHost: a\r\nX: 1\rY: 2\r\n\r\n", 400),
    "NUL": (b"GET / HTTP/1.1\r\nHost: a\r\nX: 1\x002\r\n\r\n", 400),
    "empty header name": (b"GET / HTTP/1.1\r\nHost: a\r\n: x\r\n\r\n", 400),
    "no host": (b"GET / HTTP/1.1\r\n\r\n", 400),
    "two hosts": (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
    "userinfo in the host": (b"GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", 400),
    "absolute target": (b"GET http://169.254.169.254/latest HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    "double slash target": (b"GET //evil.example/a HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    "dot segments": (b"GET /v1/../../admin HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    "escaped dot segments": (b"GET /v1/%2e%2e/%2E./admin HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    "dots behind an escaped slash": (b"GET /v1/a%2f..%2fadmin HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    "dots behind a backslash": (b"GET /v1/a%5c..%5cadmin HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    "escaped NUL": (b"GET /v1/a%00 HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    "cut escape": (b"GET /v1/a%2 HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    "fragment": (b"GET /v1/a#b HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    "star target": (b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    "h2c upgrade": (b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\r\n", 400),
    "body of a GET": (b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\na", 400),
    "no version": (b"GET /\r\n\r\n", 400),
    "HTTP/2 preface": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    "HTTP/1.2": (b"GET / HTTP/1.2\r\nHost: a\r\n\r\n", 400),
    "TLS on a plain port": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
    "connect": (b"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    "header section": (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 70_000 + b"\r\n\r\n", 431),
    "header count": (b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: y\r\n" * 201 + b"\r\n", 431),
    "unknown expectation": (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nExpect: magic\r\n\r\na", 417),
}

BAD_BODIES = {
    "bare LF after the size": b"1\na\r\n0\r\n\r\n",
    "space after the size": b"1 \r\na\r\n0\r\n\r\n",
    "hex prefix": b"0x1\r\na\r\n0\r\n\r\n",
    "negative": b"-1\r\na\r\n0\r\n\r\n",
    "overflow": b"fffffffffffffffff\r\na\r\n0\r\n\r\n",
    "more than announced": b"1\r\nab\r\n0\r\n\r\n",
    "less than announced": b"2\r\na\r\n0\r\n\r\n",
    "endless extension": b"1;" + b"x" * 200_000,
    "endless trailer": b"0\r\nX: " + b"x" * 200_000,
}


@pytest.mark.parametrize("case", REFUSED)
async def test_it_is_refused_and_never_seen(case: str) -> None:
    request, status = REFUSED[case]
    async with PlainFront() as front:
        # Whatever the refused one smuggles, or stands behind it, must not be read as a request either.
        received = await front.send(request + b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n")
        assert received.startswith(b"HTTP/1.1 %d " % status), received[:200]
        assert b"connection: close" in received
        assert received.count(b"HTTP/1.1 ") == 1
        assert front.exchanges == []


@pytest.mark.parametrize("case", BAD_BODIES)
async def test_a_bad_chunk_never_completes_a_request(case: str) -> None:
    async with PlainFront() as front:
        received = await front.send(CHUNKED + BAD_BODIES[case])
        assert received.startswith(b"HTTP/1.1 400 ")
        assert [exchange.disconnected.is_set() for exchange in front.exchanges] == [True]


async def test_nothing_is_read_behind_a_chunked_request() -> None:
    async with PlainFront() as front:
        received = await front.send(CHUNKED + b"0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n")
        assert received.count(b"HTTP/1.1 ") == 1
        assert [exchange.head.target for exchange in front.exchanges] == [b"/"]

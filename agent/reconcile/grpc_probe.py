"""gRPC's health check (grpc.health.v1) of a replica: one call on a connection of its own."""

import asyncio
from collections.abc import Callable

from homeport.http2.endpoint import Endpoint
from homeport.http2.exchange import Exchange
from homeport.http2.header_block import Headers
from homeport.http2.status import OK, UNIMPLEMENTED, Status, status_of_http, status_of_trailers
from homeport.http2.terms import MODEL

_NO_SERVICE = bytes(5)
# HealthCheckResponse with `status` SERVING, and the others as people know them.
_SERVING = b"\x08\x01"
_STATES = {b"": "UNKNOWN", b"\x08\x00": "UNKNOWN", b"\x08\x02": "NOT_SERVING", b"\x08\x03": "SERVICE_UNKNOWN"}
_LONGEST_ANSWER = 4096


async def probe_grpc(host: str, port: int, timeout: float, answered: Callable[[], None] = lambda: None) -> str:
    """Empty when the replica says SERVING within `timeout` seconds, else what was wrong. `answered` is called when it
    has answered anything."""
    loop = asyncio.get_running_loop()
    endpoint: Endpoint | None = None
    try:
        async with asyncio.timeout(timeout):
            _, endpoint = await loop.create_connection(lambda: Endpoint(terms=MODEL), host, port)
            question = _Question(endpoint, f"{host}:{port}".encode())
            problem = await question.answer
    except TimeoutError:
        return f"no answer within {timeout:g} s"
    except ConnectionRefusedError:
        return "nothing listens on its port yet"
    except OSError as error:
        return error.strerror or "connection broken"
    finally:
        if endpoint is not None:
            endpoint.abort()
    if question.was_answered:
        answered()
    return problem


class _Question(Exchange):
    def __init__(self, endpoint: Endpoint, authority: bytes) -> None:
        super().__init__(endpoint)
        self.answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.was_answered = False
        self._message = b""
        headers: Headers = [
            (b":method", b"POST"),
            (b":scheme", b"http"),
            (b":path", b"/grpc.health.v1.Health/Check"),
            (b":authority", authority),
            (b"te", b"trailers"),
            (b"content-type", b"application/grpc"),
            (b"user-agent", b"homeport-agent"),
        ]
        self.stream = endpoint.connection.begin(headers, self)
        self.send(_NO_SERVICE, True)

    def on_headers(self, headers: Headers, last: bool) -> None:
        self.was_answered = True
        status = dict(headers).get(b":status", b"200")
        if status != b"200":
            self._tell(_problem(status_of_http(int(status)), b""))
        elif last:
            self._tell(_problem(status_of_trailers(headers), self._message))

    def on_data(self, buffer: bytes, start: int, end: int, last: bool) -> None:
        self._message += buffer[start:end]
        if last or len(self._message) > _LONGEST_ANSWER:
            self._tell("answered its health check with something else")

    def on_reset(self, code: int, reason: str) -> None:
        self._tell(reason)

    def on_lost(self, reason: str) -> None:
        self._tell("does not speak gRPC")

    def _tell(self, problem: str) -> None:
        if not self.answer.done():
            self.answer.set_result(problem)


def _problem(status: Status, message: bytes) -> str:
    if status.code == UNIMPLEMENTED:
        return "has no health check of gRPC; a probe of type tcp asks for less"
    if status.code != OK:
        return f"answered its health check with status {status.code}: {status.message}"
    said = message[5:]
    return "" if said == _SERVING else f"says {_STATES.get(said, 'something else')}"

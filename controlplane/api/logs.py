"""Log lines of replicas, passed on as they come."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from dataclasses import dataclass, field

import structlog
from aiohttp import web
from pydantic import Field

from controlplane.api.dependencies import LogSource
from controlplane.api.routing import Query
from homeport.core.errors import ErrorCode, HomeportError
from homeport.core.status import ReplicaReport

log = structlog.get_logger()

# How often a quiet stream looks whether its reader has gone.
_LOOK_SECONDS = 1.0
# Chunks between the replicas' streams and a slow reader: then the replicas' streams wait.
_WAITING_CHUNKS = 8
_SHORT_ID = 8


class LogQuery(Query):
    tail: int = Field(default=100, ge=0, le=100_000)
    """How many of the last lines of each replica."""
    follow: bool = False
    """Go on with new lines until the client leaves."""
    replica: str | None = None
    """Only this replica: its id, or the beginning of it."""
    previous: int = Field(default=0, ge=0, le=100)
    """What was kept of a failure instead: 1 = of the newest on each node, 2 = of the one before, and so on."""


async def stream_logs(
    request: web.Request,
    source: LogSource,
    deployment_id: str,
    replicas: Sequence[tuple[str, ReplicaReport]],
    query: LogQuery,
) -> web.StreamResponse:
    """Raises NOT_FOUND without a replica, UNAVAILABLE when none of them can be read. A replica that fails later, or
    beside others, says so in a line of its own."""
    chosen = _choose(deployment_id, replicas, query.replica)
    named = len(chosen) > 1
    return await _stream(
        request,
        [
            _Source(
                source.lines(report.replica_id, node_id, query.tail, query.follow),
                f"{report.replica_id[:_SHORT_ID]} | ".encode() if named else b"",
            )
            for node_id, report in chosen
        ],
    )


async def stream_failures(
    request: web.Request, source: LogSource, deployment_id: str, node_ids: Sequence[str], query: LogQuery
) -> web.StreamResponse:
    """Of the nodes that this deployment is or was placed on, one after the other as they answer."""
    if not node_ids:
        raise HomeportError(ErrorCode.NOT_FOUND, f"deployment {deployment_id} stands on no node, so nothing was kept")
    replica = query.replica or ""
    return await _stream(
        request, [_Source(source.previous(deployment_id, node_id, replica, query.previous)) for node_id in node_ids]
    )


async def _stream(request: web.Request, sources: "Sequence[_Source]") -> web.StreamResponse:
    merged = _Merged()
    response = web.StreamResponse(headers={"Content-Type": "text/plain; charset=utf-8"})
    readers = [asyncio.create_task(merged.read(each)) for each in sources]
    try:
        await _pass_on(request, response, merged, len(readers))
    finally:
        for reader in readers:
            reader.cancel()
        await asyncio.gather(*readers, return_exceptions=True)
    return response


@dataclass(frozen=True, slots=True)
class _Source:
    """`prefix` stands before each of its lines."""

    lines: AsyncIterator[bytes]
    prefix: bytes = b""


@dataclass(slots=True)
class _Merged:
    """One queue for all sources. None = one of them has ended."""

    chunks: "asyncio.Queue[bytes | HomeportError | None]" = field(
        default_factory=lambda: asyncio.Queue(_WAITING_CHUNKS)
    )

    async def read(self, source: _Source) -> None:
        """Closes the source when cancelled."""
        lines = source.lines
        try:
            async for chunk in lines:
                await self.chunks.put(_prefixed(chunk, source.prefix) if source.prefix else chunk)
        except HomeportError as error:
            await self.chunks.put(error)
        except Exception:
            log.exception("log stream failed")
            await self.chunks.put(HomeportError(ErrorCode.INTERNAL, "the server made an error while reading lines"))
        finally:
            if isinstance(lines, AsyncGenerator):
                await lines.aclose()
        await self.chunks.put(None)


async def _pass_on(request: web.Request, response: web.StreamResponse, merged: _Merged, running: int) -> None:
    """Until all replicas have ended or the reader has gone. An error before any line is raised as such."""
    failures: list[HomeportError] = []
    while running:
        try:
            chunk = await asyncio.wait_for(merged.chunks.get(), _LOOK_SECONDS)
        except TimeoutError:
            if request.transport is None or request.transport.is_closing():
                return
            if not response.prepared and not failures:
                await response.prepare(request)
            continue
        if chunk is None:
            running -= 1
        elif isinstance(chunk, HomeportError):
            failures.append(chunk)
        elif not await _write(request, response, chunk):
            return
    if failures and not response.prepared:
        raise failures[0]
    for failure in failures:
        if not await _write(request, response, f"homeport: {failure}\n".encode()):
            return
    if not response.prepared:
        await response.prepare(request)
    await response.write_eof()


async def _write(request: web.Request, response: web.StreamResponse, chunk: bytes) -> bool:
    """False when the reader has gone."""
    try:
        if not response.prepared:
            await response.prepare(request)
        await response.write(chunk)
    except ConnectionError:
        return False
    return True


def _prefixed(chunk: bytes, prefix: bytes) -> bytes:
    return b"".join(prefix + line for line in chunk.splitlines(keepends=True))


def _choose(
    deployment_id: str, replicas: Sequence[tuple[str, ReplicaReport]], wanted: str | None
) -> list[tuple[str, ReplicaReport]]:
    chosen = [each for each in replicas if wanted is None or each[1].replica_id.startswith(wanted)]
    if chosen:
        return sorted(chosen, key=lambda each: each[1].replica_id)
    if wanted is not None and replicas:
        known = ", ".join(sorted(report.replica_id[:_SHORT_ID] for _, report in replicas))
        raise HomeportError(
            ErrorCode.NOT_FOUND, f"deployment {deployment_id} has no replica {wanted}", hint=f"there are {known}"
        )
    raise HomeportError(
        ErrorCode.NOT_FOUND,
        f"deployment {deployment_id} has no replica, so there are no lines",
        hint="its status says why; the first request starts one when it is scaled to zero",
    )

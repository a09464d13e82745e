"""What a gateway on a host of its own keeps of what it was told, and what its workers tell by way of it."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from controlplane.gateway.fed_worker import FedWorker
from controlplane.gateway.feed import GatewayFeed
from controlplane.gateway_host.tables import HostTables
from controlplane.gateway_host.upstream import Upstream
from tests.fakes.gateway_certificates import FakeCertificates

PATIENCE = 60


def tables_at(file: Path) -> tuple[GatewayFeed, HostTables]:
    feed = GatewayFeed(FakeCertificates())
    tables = HostTables(feed, file)
    tables.load()
    return feed, tables


async def test_what_was_told_is_there_after_a_restart(tmp_path: Path) -> None:
    file = tmp_path / "tables"
    _, tables = tables_at(file)
    assert not tables.is_complete
    tables.put("tokens", "a", {"hash": "x"})
    tables.put("tokens", "b", {"hash": "y"})
    tables.put("epochs", "node", 3)
    tables.resize(4)
    tables.keep_only({("tokens", "a"), ("epochs", "node")})
    await tables.write()
    assert file.stat().st_mode & 0o077 == 0
    feed, again = tables_at(file)
    assert (again.is_complete, again.size) == (True, 4)
    assert (feed.tables.tokens, feed.tables.epochs) == ({"a": {"hash": "x"}}, {"node": 3})


async def test_what_it_was_turned_away_with_is_gone(tmp_path: Path) -> None:
    file = tmp_path / "tables"
    _, tables = tables_at(file)
    tables.put("tokens", "a", {"hash": "x"})
    tables.keep_only({("tokens", "a")})
    await tables.close()
    assert tables_at(file)[1].is_complete
    tables.forget()
    await tables.close()
    assert not tables_at(file)[1].is_complete


@pytest.mark.parametrize("damage", [b"", b"{", b"not a digest\n{}", b"\xff\xfe\n"])
async def test_a_damaged_file_is_not_used(tmp_path: Path, damage: bytes) -> None:
    file = tmp_path / "tables"
    _, tables = tables_at(file)
    tables.put("tokens", "a", {"hash": "x"})
    tables.keep_only({("tokens", "a")})
    await tables.write()
    whole = file.read_bytes()
    for content in (damage, whole[:-3], whole.replace(b'"x"', b'"z"')):
        file.write_bytes(content)
        feed, damaged = tables_at(file)
        assert (damaged.is_complete, feed.tables.tokens) == (False, {})


async def test_workers_hear_of_changes_alone(tmp_path: Path) -> None:
    feed, tables = tables_at(tmp_path / "tables")
    worker = FedWorker({"worker": "edge-0"})
    feed.workers.add(worker)
    for _ in range(3):
        tables.put("tokens", "a", {"hash": "x"})
    assert worker.outbox.qsize() == 1
    tables.put("routes", "broken", {"of a newer release": True})
    tables.put("a table of a newer release", "a", 1)
    tables.keep_only(set())
    assert feed.tables.tokens == {}


class Line:
    """To the control plane."""

    def __init__(self) -> None:
        self.said: asyncio.Queue[Mapping[str, Any]] = asyncio.Queue()

    async def say(self, message: Mapping[str, Any]) -> None:
        self.said.put_nowait(message)

    async def next(self) -> Mapping[str, Any]:
        return await asyncio.wait_for(self.said.get(), PATIENCE)


async def test_what_is_told_once_waits_and_what_is_told_again_does_not() -> None:
    feed, line = GatewayFeed(FakeCertificates()), Line()
    upstream = Upstream(feed, list)
    worker = FedWorker({"worker": "edge-0"})
    feed.workers.add(worker)
    feed.hear(worker, {"used": 1})
    feed.hear(worker, {"lease_report": 2, "counted": 3})
    telling = asyncio.create_task(upstream.tell(line.say))
    assert await line.next() == {"worker": ["edge-0", {"used": 1}]}
    feed.hear(worker, {"lease_report": 4})
    assert await line.next() == {"worker": ["edge-0", {"lease_report": 4}]}
    upstream.heard(["edge-0", {"lease_grant": 5}])
    upstream.heard(["edge-9", {"lease_grant": 6}])
    telling.cancel()
    await asyncio.gather(telling, return_exceptions=True)
    told = b"".join(worker.outbox.get_nowait() for _ in range(worker.outbox.qsize()))
    assert told == b'{"linked":true}\n{"lease_grant":5}\n{"linked":false}\n'

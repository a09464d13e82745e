"""What systemd hears of a service."""

import asyncio
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from homeport.systemd import ServiceManager
from tests.fleet.virtual_time import run_in_virtual_time


@pytest.fixture
def manager_socket(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.settimeout(60)
        yield listening


def _environ(listening: socket.socket, **more: str) -> dict[str, str]:
    return {"NOTIFY_SOCKET": listening.getsockname(), **more}


def test_it_says_when_it_is_ready_and_when_it_stops(manager_socket: socket.socket) -> None:
    manager = ServiceManager(_environ(manager_socket))
    manager.ready()
    manager.stopping()
    assert [manager_socket.recv(100) for _ in range(2)] == [b"READY=1", b"STOPPING=1"]


def test_an_abstract_socket_is_found() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        name = f"homeport-test-{os.getpid()}"
        listening.bind("\0" + name)
        listening.settimeout(60)
        ServiceManager({"NOTIFY_SOCKET": "@" + name}).ready()
        assert listening.recv(100) == b"READY=1"


def test_without_systemd_nothing_is_said_and_nothing_fails(tmp_path: Path) -> None:
    ServiceManager({}).ready()
    ServiceManager({"NOTIFY_SOCKET": str(tmp_path / "nobody")}).ready()


def _fed_in(seconds: float, listening: socket.socket, **more: str) -> int:
    """How often the watchdog is fed in so much virtual time."""

    async def run() -> None:
        feeding = asyncio.create_task(ServiceManager(_environ(listening, **more)).keep_alive())
        await asyncio.sleep(seconds)
        feeding.cancel()

    run_in_virtual_time(run())
    listening.setblocking(False)
    count = 0
    while True:
        try:
            assert listening.recv(100) == b"WATCHDOG=1"
        except BlockingIOError:
            return count
        count += 1


def test_the_watchdog_is_fed_three_times_in_each_period(manager_socket: socket.socket) -> None:
    assert _fed_in(29, manager_socket, WATCHDOG_USEC="9000000", WATCHDOG_PID=str(os.getpid())) == 10


def test_another_process_is_to_feed_it(manager_socket: socket.socket) -> None:
    assert _fed_in(29, manager_socket, WATCHDOG_USEC="9000000", WATCHDOG_PID="1") == 0

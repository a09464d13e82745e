"""Links break in every way and agents freeze: requests go elsewhere, no model notices, and all is well again after."""

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import pytest

from tests.system.netns import need_network_namespaces
from tests.system.survival.conftest import Figure
from tests.system.survival.hang import hung
from tests.system.survival.sites import Caller, Sites, Station

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("links")]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sites]:
    need_network_namespaces()
    with Sites(tmp_path_factory.mktemp("links"), ["a", "b"]) as sites:
        yield sites


@pytest.fixture
def sites(shared: Sites) -> Iterator[Sites]:
    shared.until(lambda: set(shared.statuses()) == {"ready"}, "a sound beginning")
    yield shared
    shared.restart_server()  # it forgets who fell how often


@contextlib.contextmanager
def broken(station: Station, how: Callable[[], None]) -> Iterator[None]:
    how()
    try:
        yield
    finally:
        station.host.heal()


@contextlib.contextmanager
def frozen(pid: int) -> Iterator[None]:
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


FAULTS: dict[str, Callable[[Station], AbstractContextManager[None]]] = {
    "black hole": lambda station: broken(station, station.host.cut),
    "one-way loss": lambda station: broken(station, station.host.deafen),
    "reset": lambda station: broken(station, station.host.reset),
    "frozen agent": lambda station: frozen(station.pid),
    "hung event loop": lambda station: hung(station.pid),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_requests_leave_a_node_that_is_not_heard(sites: Sites, figure: Figure, fault: str) -> None:
    before = sites.model_pids()
    first = sites.ask("who is asked first?")["pid"]
    [victim] = [station for station in sites.stations if first in station.replica_pids()]
    [other] = [station for station in sites.stations if station is not victim]
    with Caller(sites) as caller:
        sites.until(lambda: len(caller.calls) > 3, "calls")
        began = time.monotonic()
        with FAULTS[fault](victim):
            sites.until(lambda: sites.node(victim.name)["status"] != "ready", "it is noticed")
            figure(f"{fault}: noticed by the control plane", time.monotonic() - began)
            node = sites.node(victim.name)
            assert node["reason"]
            assert node["since"] <= time.time() + 1
            sites.until(lambda: caller.last_pid in other.replica_pids(), "the other one is asked")
            asked = len(caller.calls)
            sites.until(lambda: len(caller.calls) >= asked + 20, "twenty more calls")
            assert not set(caller.pids()[asked:]) & set(victim.replica_pids())
            figure(f"{fault}: last request that waited for it", caller.last_wait_since(began))
            assert sites.model_pids() == before
        healed = time.monotonic()
        sites.until(lambda: sites.node(victim.name)["status"] == "ready", "it is back")
        figure(f"{fault}: ready again", time.monotonic() - healed)
    assert caller.errors == []
    assert sites.model_pids() == before
    sites.until(lambda: sites.restarts() == 0, "as many replicas as before")


def test_a_node_in_a_black_hole_is_disconnected_and_keeps_its_budget(sites: Sites) -> None:
    before, placements = sites.model_pids(), sites.placements()
    victim = sites.stations[0]
    with broken(victim, victim.host.cut):
        sites.until(lambda: sites.node(victim.name)["status"] == "disconnected", "disconnected")
        replicas = sites.api("GET", f"/replicas?node={victim.name}")["items"]
        assert [each["status"] for each in replicas] == ["unknown"]
        assert sites.placements() == placements
    sites.until(lambda: sites.restarts() == 0, "both seen again")
    assert sites.model_pids() == before


def test_a_frozen_control_plane_blames_nobody(sites: Sites) -> None:
    before = sites.model_pids()
    assert sites.server is not None
    with Caller(sites) as caller:
        with frozen(sites.server.pid):
            sites.until(lambda: not any(station.connected() for station in sites.stations), "the agents notice")
            asked = len(caller.calls)
            sites.until(lambda: len(caller.calls) >= asked + 20, "twenty more calls")
        sites.until(lambda: set(sites.statuses()) == {"ready"}, "all are back")
    assert caller.errors == []
    assert sites.model_pids() == before
    assert sites.restarts() == 0


def test_a_host_without_a_network_starts_what_it_was_asked_for_last(sites: Sites, figure: Figure) -> None:
    station = sites.stations[1]
    seconds = {}
    for network in (True, False):
        station.lose_power()
        if not network:
            station.host.unplug()
        began = time.monotonic()
        station.start()
        sites.until(lambda: station.ready_replicas() == 1, "a ready replica")
        seconds[network] = time.monotonic() - began
    figure("cold boot with a network until the model is ready", seconds[True])
    figure("cold boot without one", seconds[False])
    [crashed] = station.replica_pids()
    os.kill(crashed, signal.SIGKILL)
    began = time.monotonic()
    sites.until(lambda: station.replica_pids() not in ([], [crashed]) and station.ready_replicas() == 1, "a restart")
    figure("a crash without a network until the model is ready again", time.monotonic() - began)
    before = station.replica_pids()
    station.host.plug_in()
    sites.until(lambda: sites.node(station.name)["status"] == "ready", "it is back")
    assert station.replica_pids() == before

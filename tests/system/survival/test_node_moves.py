"""A host is emptied under load, and a site is cut off and mended: no request fails, and nothing runs twice for long."""

from collections.abc import Iterator

import pytest

from tests.system.netns import need_network_namespaces
from tests.system.survival.sites import Caller, Sites, Station

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("node-moves")]


@pytest.fixture(scope="module")
def sites(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sites]:
    """Two hosts and one replica, which so has another host to go to. Requests wait for it for long."""
    need_network_namespaces()
    with Sites(tmp_path_factory.mktemp("moves"), ["a", "b"]) as sites:
        spec = {
            "autoscale_config": {"min_replicas": 1, "max_replicas": 1},
            "on_disconnect": {"lost_after_seconds": 8},
            "hold_seconds": 300,
        }
        sites.api("PATCH", "/deployments/echo?force=true", {"spec": spec})
        sites.until(lambda: len(sites.model_pids()) == 1, "one replica")
        yield sites


def where_it_runs(sites: Sites) -> tuple[Station, Station]:
    """The host that has the replica, and the other one."""
    sites.until(lambda: sum(bool(station.replica_pids()) for station in sites.stations) == 1, "one host")
    first, second = sites.stations
    return (first, second) if first.replica_pids() else (second, first)


def takes_part(sites: Sites) -> list[str]:
    """Names of the nodes with a budget, but those that others took over from."""
    placements = sites.api("GET", "/placements")["items"]
    return [each["status"]["node_name"] for each in placements if not each["spec"].get("replaced")]


def test_a_drain_under_load_fails_no_request(sites: Sites) -> None:
    old, new = where_it_runs(sites)
    with Caller(sites, pause=0.01) as one, Caller(sites, pause=0.02) as two, sites.open("/d/echo/slow") as stream:
        sites.until(lambda: len(one.calls) > 5 and len(two.calls) > 5, "calls")
        [move] = sites.api("GET", f"/nodes/{old.name}/drain")["moves"]
        assert (move["deployment_id"], [to["node_name"] for to in move["to"]]) == ("echo", [new.name])
        sites.api("POST", f"/nodes/{old.name}/drain", {"deadline_seconds": 3600})
        sites.until(lambda: one.last_pid in new.replica_pids(), "the other host answers")
        sites.until(lambda: takes_part(sites) == [new.name], "the first one is let go")
        asked = len(one.calls)
        sites.until(lambda: len(one.calls) > asked + 20, "twenty more calls")
        for _ in range(10):
            assert stream.readline(), "what is in flight goes on"
        assert not sites.node(old.name)["drained"]
        stream.close()
        sites.until(lambda: sites.node(old.name)["drained"], "drained")
    assert one.errors == two.errors == []
    assert old.replica_pids() == []
    sites.api("POST", f"/nodes/{old.name}/undrain", {})
    sites.until(lambda: not sites.node(old.name)["drained"], "in use again")
    assert takes_part(sites) == [new.name], "nothing moves back"


def test_a_host_that_is_cut_off_is_replaced_and_has_its_place_again_when_it_is_back(sites: Sites) -> None:
    cut, other = where_it_runs(sites)
    before = cut.replica_pids()
    with Caller(sites) as caller:
        sites.until(lambda: len(caller.calls) > 5, "calls")
        cut.host.cut()
        sites.until(lambda: takes_part(sites) == [other.name], "it is replaced")
        sites.until(lambda: caller.last_pid in other.replica_pids(), "the other host answers")
        assert cut.replica_pids() == before, "it runs on"
        cut.host.heal()
        sites.until(lambda: takes_part(sites) == [cut.name], "it has its place again")
        sites.until(lambda: other.replica_pids() == [], "nothing runs twice")
        sites.until(lambda: caller.last_pid in before, "it answers again, the same process")
    assert caller.errors == []
    assert cut.replica_pids() == before

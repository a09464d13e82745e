"""A view that took everything in as it happened is the one that somebody makes who comes later."""

from collections.abc import Awaitable, Callable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from controlplane.fleet.deployments import delete_deployment
from controlplane.fleet.fleet_view import FleetView
from controlplane.store.store import Kind, Record, Transaction
from homeport.core.placement.types import Held
from tests.fakes.placed_fleet import PlacedFleet

_NODES = ("n1", "n2", "n3")
_DEPLOYMENTS = {"chat": "m1", "code": "m2"}


async def _deploy(fleet: PlacedFleet, apart: bool) -> None:
    for id, model in _DEPLOYMENTS.items():
        if fleet.store.get(Kind.DEPLOYMENT, id) is None:
            more = {"affinity": {"apart_from": ["code"]}} if apart and id == "chat" else {}
            await fleet.deploy(id, model, low=1, high=2, pools="ab", **more)
            return


async def _delete(fleet: PlacedFleet, id: str) -> None:
    if fleet.store.get(Kind.DEPLOYMENT, id) is not None:
        await fleet.store.write(lambda tx: delete_deployment(tx, id))


async def _delete_node(fleet: PlacedFleet, name: str, forgotten: bool) -> None:
    if fleet.store.get(Kind.NODE, name) is not None:
        await fleet.delete_node(name)
        if forgotten:
            fleet.registry.forget(name)


async def _run(fleet: PlacedFleet, name: str, id: str) -> None:
    if fleet.registry.get(name) is not None:
        fleet.runs(name, "ready", deployment=id)


async def _label(fleet: PlacedFleet, kind: Kind, id: str, value: str) -> None:
    def write(tx: Transaction) -> None:
        record = tx.get(kind, id)
        assert record is not None
        tx.put_spec(kind, id, {**record.spec, "labels": {"zone": value}})

    await fleet.store.write(write)


async def _wait(fleet: PlacedFleet, alive: str) -> None:
    known = [name for name in alive.split() if fleet.registry.get(name) is not None]
    fleet.pass_time(40, " ".join(known))


async def _place(fleet: PlacedFleet) -> None:
    await fleet.pipeline.reconcile_once()


async def _refresh(fleet: PlacedFleet) -> None:
    await fleet.view.refresh()


_Step = tuple[Callable[..., Awaitable[None]], *tuple[Any, ...]]
_node, _id, _flag = st.sampled_from(_NODES), st.sampled_from(sorted(_DEPLOYMENTS)), st.booleans()
_steps: st.SearchStrategy[_Step] = st.one_of(
    st.tuples(st.just(PlacedFleet.join), _node, st.sampled_from("ab"), st.sampled_from((2000, 8000))),
    st.tuples(st.just(_deploy), _flag),
    st.tuples(st.just(_delete), _id),
    st.tuples(st.just(_delete_node), _node, _flag),
    st.tuples(st.just(_run), _node, _id),
    st.tuples(st.just(_label), st.just(Kind.CLUSTER), st.just("office"), st.sampled_from("xy")),
    st.tuples(
        st.just(_label), st.just(Kind.NODEPOOL), st.sampled_from(("office/a", "office/b")), st.sampled_from("xy")
    ),
    st.tuples(st.just(_wait), st.sampled_from(("", "n1", "n1 n2", "n1 n2 n3"))),
    st.tuples(st.just(_place)),
    st.tuples(st.just(_refresh)),
)


async def _seen(fleet: PlacedFleet, view: FleetView) -> dict[str, Any]:
    await view.refresh()
    nodes = {id: view.fleet.get(id) for id in _NODES}
    found: dict[str, Any] = {"nodes": nodes, "free": {id: view.fleet.free(id) for id in _NODES if nodes[id]}}
    for id in _DEPLOYMENTS:
        around = view.surroundings(id)
        found[id] = {
            "placements": view.placements_of(id),
            "taken": view.fleet.taken(id),
            "replicas": sorted((node, report.replica_id, report.status) for node, report in around.replicas),
        }
        deployment = fleet.store.get(Kind.DEPLOYMENT, id)
        revision = fleet.store.get(Kind.REVISION, f"{id}/1")
        if deployment is not None and revision is not None:
            found[id]["wanted"] = _wanted(view, deployment, revision)
    return found


def _wanted(view: FleetView, deployment: Record, revision: Record) -> Any:
    return view.wanted(deployment, revision, (Held("n1", 1),))


@given(st.lists(_steps, max_size=25), st.sampled_from((4, 1000)))
@settings(max_examples=60, deadline=None)
async def test_it_is_the_one_of_who_comes_later(steps: list[_Step], keep_changes: int) -> None:
    """Also where it has fallen behind a short change log."""
    fleet = PlacedFleet(keep_changes)
    await fleet.start()
    await fleet.join("n1")
    await fleet.join("n2", "b", cpu=2000)
    await _deploy(fleet, apart=True)
    await fleet.pipeline.reconcile_once()
    for do, *arguments in steps:
        await do(fleet, *arguments)
    mine = await _seen(fleet, fleet.view)
    assert mine == await _seen(fleet, FleetView(fleet.store, fleet.registry, fleet.wall))


async def test_nothing_is_looked_at_twice() -> None:
    fleet = PlacedFleet()
    await fleet.start()
    await fleet.join("n1")
    await fleet.deploy("chat")
    await fleet.deploy("code", "m2")
    await fleet.view.refresh()
    assert fleet.view.take_touched() == {"chat", "code"}
    await fleet.view.refresh()
    assert fleet.view.take_touched() == set()
    await fleet.pipeline.reconcile_once()
    await fleet.view.refresh()
    assert fleet.view.take_touched() == {"chat", "code"}, "they were placed"
    fleet.runs("n1", "ready")
    await fleet.view.refresh()
    assert fleet.view.take_touched() == set(), "what runs changes no placement"
    await _label(fleet, Kind.CLUSTER, "office", "x")
    await fleet.view.refresh()
    assert fleet.view.take_touched() == {"chat", "code"}, "their node is in another zone now"


def test_the_registry_tells_of_each_node_once() -> None:
    registry = PlacedFleet().registry
    assert registry.news(0) == ([], 0)
    registry.note_lost("n1", 1.0)
    registry.note_lost("n2", 1.0)
    registry.note_lost("n1", 2.0)
    assert registry.news(0) == (["n1", "n2"], 3)
    assert registry.news(2) == (["n1"], 3)
    assert registry.news(3) == ([], 3)

"""Two models that share a GPU: the scheduler gives it to both, the agent to one at a time, and pressure moves a budget.

Each takes five seconds to start, so it stays for ten once it is ready.
"""

import asyncio
import json
from collections.abc import Callable

from controlplane.fleet.node_cordon import cordon_node, uncordon_node
from controlplane.store.store import Kind
from homeport.core.autoscale.demand import Demand
from tests.fleet.fleet import Fleet, Host

_READY_AFTER = "5"


def model(name: str, pools: str = "home", **more: object) -> list[str]:
    """One that runs on a whole GPU, on demand."""
    version = {
        "id": "v1",
        "model": {"id": name},
        "driver": "simulated",
        "env": {"SIMULATED_READY_AFTER": _READY_AFTER},
        "inference_compute_info": {"num_accelerators": 1},
    }
    deployment = {
        "id": name,
        "worker": {"model": {"id": name}},
        "nodepools": [{"id": "default", "compute_cluster": {"id": pool}} for pool in pools.split()],
        "autoscale_config": {"min_replicas": 0, "max_replicas": 1},
        **more,
    }
    documents = [{"model": {"id": name}}, {"model_version": version}, {"deployment": deployment}]
    return [json.dumps(document) for document in documents]


async def deploy(fleet: Fleet, name: str, pools: str = "home", **more: object) -> None:
    for document in model(name, pools, **more):
        await fleet.apply(document)
    await fleet.until(lambda: bool(placed_on(fleet, name)), within=10, what=f"a placement of {name}")
    await asyncio.sleep(1)


def placed_on(fleet: Fleet, deployment: str) -> list[str]:
    records = fleet.plane.store.all(Kind.PLACEMENT)
    return [record.spec["node_id"] for record in records if record.spec["deployment_id"] == deployment]


def now() -> float:
    return asyncio.get_running_loop().time()


def a_request_waits(host: Host, deployment: str, since: float) -> None:
    host.relay.demands[deployment] = Demand(queued=1, last_request_at=since, oldest_wait_seconds=now() - since)
    assert host.relay.on_demand is not None
    host.relay.on_demand(deployment)


def it_is_served(host: Host, deployment: str, in_flight: int = 0) -> None:
    host.relay.demands[deployment] = Demand(in_flight=in_flight, last_request_at=now())


def test_two_models_take_turns_on_one_gpu(tell: Callable[..., None]) -> None:
    async def story(fleet: Fleet) -> None:
        [host] = fleet.hosts
        await deploy(fleet, "a")
        await deploy(fleet, "b")
        assert placed_on(fleet, "a") == placed_on(fleet, "b") == ["n0"]
        a_request_waits(host, "a", now())
        await fleet.until(lambda: len(host.ready("a")) == 1, within=8, what="a is ready")
        it_is_served(host, "a")

        a_request_waits(host, "b", now())
        await fleet.holds(lambda: len(host.ready("a")) == 1, 9, "what was started is used first")
        waited = await fleet.until(lambda: len(host.ready("b")) == 1, within=10, what="b is ready")
        assert waited >= 5
        assert host.ready("a") == []
        it_is_served(host, "b")
        await fleet.holds(lambda: len(host.driver.starts) == 2, 60, "nobody waits for a: it sleeps")

        a_request_waits(host, "a", now())
        await fleet.until(lambda: len(host.ready("a")) == 1, within=8, what="a is back")
        assert host.ready("b") == []
        assert len(host.driver.starts) == 3

    tell(story, gpus=1)


def test_pressure_moves_a_budget_to_another_site(tell: Callable[..., None]) -> None:
    async def story(fleet: Fleet) -> None:
        home, away = fleet.hosts
        store = fleet.plane.store
        await store.write(lambda tx: cordon_node(tx, "n1", "its GPU is new"))
        await deploy(fleet, "a")
        await deploy(fleet, "b", "home away1")
        assert placed_on(fleet, "b") == ["n0"]
        await store.write(lambda tx: uncordon_node(tx, "n1"))
        a_request_waits(home, "a", now())
        await fleet.until(lambda: len(home.ready("a")) == 1, within=8, what="a is ready")
        it_is_served(home, "a", in_flight=1)  # and will be for long

        began = now()
        a_request_waits(home, "b", began)
        moved = await fleet.until(lambda: placed_on(fleet, "b") == ["n1"], within=30, what="b has its budget elsewhere")
        assert moved >= 10, "that something lacks room for a moment moves nothing"
        a_request_waits(away, "b", began)
        await fleet.until(lambda: len(away.ready("b")) == 1, within=8, what="b is ready there")
        it_is_served(away, "b", in_flight=1)
        await fleet.holds(lambda: placed_on(fleet, "b") == ["n1"], 600, "it stays where it has room")
        assert len(home.driver.starts) == 1

    tell(story, nodes=2, clusters=2, gpus=1)


def test_a_minimum_takes_its_device_from_who_has_more_than_its_own(tell: Callable[..., None]) -> None:
    async def story(fleet: Fleet) -> None:
        [host] = fleet.hosts
        await deploy(fleet, "a")
        a_request_waits(host, "a", now())
        await fleet.until(lambda: len(host.ready("a")) == 1, within=8, what="a is ready")
        it_is_served(host, "a", in_flight=1)
        await deploy(fleet, "b", autoscale_config={"min_replicas": 1, "max_replicas": 1})
        await fleet.until(lambda: len(host.ready("b")) == 1, within=10, what="b is ready")
        assert host.ready("a") == []
        it_is_served(host, "a")

    tell(story, gpus=1)

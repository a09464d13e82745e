"""What agents may act on, all together, while budgets move."""

from collections.abc import Callable

from controlplane.store.store import Kind
from homeport.core.status import NodeStatus
from tests.fleet.fleet import Fleet, deployment


def written(fleet: Fleet) -> dict[str, int]:
    """Maxima by node, as the control plane has written them."""
    records = [record.spec for record in fleet.plane.store.all(Kind.PLACEMENT)]
    return {spec["node_id"]: spec["max_replicas"] for spec in records if not spec.get("replaced")}


def placement_status(fleet: Fleet) -> dict[str, object]:
    record = fleet.plane.store.get(Kind.DEPLOYMENT, "chat")
    assert record is not None
    found: dict[str, object] = record.status["placement"]
    return found


def test_a_budget_rises_when_the_one_that_fell_is_acknowledged(tell: Callable[..., None]) -> None:
    async def story(fleet: Fleet) -> None:
        await fleet.apply(deployment(1, 4))
        await fleet.until(lambda: fleet.seen_ready() == 1, within=5, what="a ready replica")
        assert written(fleet) == {"n0": 4}
        await fleet.apply(deployment(2, 4))
        await fleet.until(lambda: written(fleet) == {"n0": 3, "n1": 1}, within=3, what="the second node's budget")
        assert placement_status(fleet)["unacked"] == []
        await fleet.until(lambda: fleet.seen_ready() == 2, within=6, what="two ready replicas")

    tell(story, nodes=2)


def test_a_node_that_does_not_hear_is_waited_for_until_it_is_lost(tell: Callable[..., None]) -> None:
    async def story(fleet: Fleet) -> None:
        await fleet.apply(deployment(1, 4))
        await fleet.until(lambda: fleet.seen_ready() == 1, within=5, what="a ready replica")
        fleet.network.cut("n0")
        await fleet.apply(deployment(2, 4))
        await fleet.until(lambda: written(fleet) == {"n0": 3}, within=6, what="the lower budget")
        status = fleet.plane.registry.status
        await fleet.until(lambda: status("n0") is NodeStatus.DISCONNECTED, within=20, what="disconnected")
        await fleet.holds(lambda: written(fleet) == {"n0": 3}, 30, "it may still run four")
        assert placement_status(fleet)["withheld"] == 1
        await fleet.until(lambda: written(fleet) == {"n1": 4}, within=40, what="the others' budget, once it is lost")
        assert placement_status(fleet)["away"] == [{"node_id": "n0", "max_replicas": 4}]

        fleet.network.heal("n0")
        await fleet.until(lambda: sum(written(fleet).values()) == 4 and "n0" in written(fleet), 60, "one deal again")
        await fleet.until(lambda: placement_status(fleet)["unacked"] == [], within=10, what="acknowledged by all")
        assert placement_status(fleet)["away"] == []

    tell(story, nodes=2)

"""Residency is looked at in three places: here is what gateways and agents are told of it, and when."""

from agent.link.wire import update_from_wire
from agent.scaling.fence import is_beyond
from controlplane.fleet.apply import apply_documents
from controlplane.gateway.policies import GatewayPolicies
from controlplane.sessions.desired_state import DesiredStates
from controlplane.store.memory import MemoryStore
from controlplane.store.store import Change, Kind, Store, Transaction
from homeport.gateway.routing.routes import PolicyTable
from homeport.schema.documents import parse_documents
from tests.fakes.clock import FakeClock
from tests.fakes.principals import ANYTHING_GOES

OFFICE = {"id": "office", "labels": {"zone": "eu", "tier": "1"}}
DOCUMENTS = [
    {"compute_cluster": OFFICE},
    {"nodepool": {"id": "a", "compute_cluster": {"id": "office"}}},
    {"model": {"id": "m"}},
    {"model_version": {"id": "v1", "model": {"id": "m"}, "command": ["run"]}},
    {
        "deployment": {
            "id": "chat",
            "worker": {"model": {"id": "m"}},
            "nodepools": [{"id": "a", "compute_cluster": {"id": "office"}}],
            "residency": {"zone": "eu"},
        }
    },
]


def _place(tx: Transaction) -> None:
    tx.create(Kind.NODE, "n1", {"name": "n1", "cluster": "office", "nodepool": "a", "hostname": "n1"}, {})
    bounds = {"min_replicas": 1, "max_replicas": 1}
    placement = {"deployment_id": "chat", "node_id": "n1", "revision": 1, "rank": 0, "devices": [], **bounds}
    tx.create(Kind.PLACEMENT, "p1", placement)


async def made() -> Store:
    store = MemoryStore(FakeClock(1.7e9))
    await store.open()
    await apply_documents(store, parse_documents(DOCUMENTS), ANYTHING_GOES)
    await store.write(_place)
    return store


async def relabel(store: Store, labels: dict[str, str]) -> list[Change]:
    await apply_documents(store, parse_documents([{"compute_cluster": {**OFFICE, "labels": labels}}]), ANYTHING_GOES)
    return [Change(store.seq, Kind.CLUSTER, "office", store.get(Kind.CLUSTER, "office"))]


async def test_an_agent_runs_nothing_beyond_the_fence() -> None:
    store = await made()
    desired = DesiredStates(store)
    desired.load()

    def beyond() -> bool:
        [placement] = update_from_wire(desired.snapshot("n1")).placements
        return is_beyond(placement)

    assert not beyond()
    changes = await relabel(store, {"zone": "us"})
    assert desired.touched(changes)["n1"].changed == {"p1"}
    assert beyond()
    assert desired.touched(changes) == {}, "the same labels are no news"
    await relabel(store, {})
    assert beyond()


async def test_a_gateway_sends_nothing_beyond_the_fence() -> None:
    store, table = await made(), PolicyTable()
    policies = GatewayPolicies(store, table)
    policies.load()
    assert table.by_deployment("chat").may_serve("n1")
    policies.update(await relabel(store, {"tier": "1"}))
    assert not table.by_deployment("chat").may_serve("n1")
    policies.update(await relabel(store, {"zone": "eu"}))
    assert table.by_deployment("chat").may_serve("n1")

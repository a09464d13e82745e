import pytest

from controlplane.fleet.catalogue import catalogue
from controlplane.fleet.instance_types import delete_instance_type, find_instance_type, instance_types, shapes_of
from controlplane.sessions.registry import NodeRegistry
from controlplane.store.store import Kind
from homeport.core.errors import ErrorCode, HomeportError
from homeport.core.resources import Gpu, Inventory
from tests.fakes.clock import FakeClock
from tests.fakes.fleet_site import Site

GIB = 2**30


def host(cpu: int = 16, memory: float = 125.4, gpus: int = 0, name: str = "NVIDIA H200") -> Inventory:
    devices = tuple(Gpu(f"gpu{n}", name, int(140.4 * GIB)) for n in range(gpus))
    return Inventory(
        "h", architecture="x86_64", cpu_milli=cpu * 1000, memory_bytes=int(memory * GIB), gpus=devices, cpu_model="EPYC"
    )


def test_every_type_of_the_catalogue_says_what_it_has_and_costs() -> None:
    assert len(catalogue()) > 30
    for spec in catalogue().values():
        needs = spec.compute_info.to_core()
        assert needs.cpu_milli >= 1000, spec.id
        assert needs.memory_bytes >= GIB, spec.id
        assert bool(needs.accelerators) == bool(needs.accelerator_memory_bytes) == bool(needs.accelerator_types)
        assert spec.price_per_hour
        assert spec.cloud_provider
        assert spec.region
        assert spec.architecture
    assert catalogue()["g5.xlarge"].compute_info.accelerator_type == ["NVIDIA-A10G"]


def test_hosts_of_one_shape_are_one_type() -> None:
    shapes = shapes_of([host(memory=125.4), host(memory=125.9), host(memory=126.1), host(gpus=2), Inventory("new")])
    assert [(spec.id, nodes) for spec, nodes in shapes] == [
        ("node-16cpu-125gi", 2),
        ("node-16cpu-126gi", 1),
        ("node-16cpu-125gi-2xnvidia-h200", 1),
    ]
    with_gpus = shapes[2][0]
    assert (with_gpus.compute_info.num_accelerators, with_gpus.compute_info.accelerator_memory) == (2, "140Gi")
    assert (with_gpus.architecture, with_gpus.description) == ("amd64", "EPYC, 2 x NVIDIA H200")


def test_a_host_with_strange_names_makes_an_id_all_the_same() -> None:
    ((spec, _),) = shapes_of([host(gpus=64, name="Größte GPU (X) " * 20)])
    assert len(spec.id) <= 100


async def test_the_three_sources_are_one_list_and_ones_own_go_first(site: Site) -> None:
    registry = NodeRegistry(FakeClock())
    node = {"name": "a", "cluster": "office", "nodepool": "shared", "hostname": "a", "machine_id": "a"}
    await site.write(lambda tx: tx.create(Kind.NODE, "n1", node, {"epoch": 1}))
    registry.connected("n1", 1, host(), "1.0")
    own = {"id": "g5.xlarge", "price_per_hour": 0.5}
    await site.apply({"instance_type": own}, {"instance_type": {"id": "rack", "compute_info": {"cpu_limit": "64"}}})
    found = {record.id: record for record in instance_types(site.store, registry)}
    assert found["g5.xlarge"].spec["price_per_hour"] == 0.5
    assert [(found[id].status["source"], found[id].generation) for id in ("g5.xlarge", "rack", "g6.xlarge")] == [
        ("own", 1), ("own", 1), ("catalogue", 0)]  # fmt: skip
    assert found["node-16cpu-125gi"].status == {"source": "node", "nodes": 1}
    assert list(found) == sorted(found)
    with pytest.raises(HomeportError, match=r"did you mean g5\.2xlarge"):
        find_instance_type(site.store, registry, "g5.2xlrage")


async def test_only_ones_own_can_be_deleted(site: Site) -> None:
    registry = NodeRegistry(FakeClock())
    await site.apply({"instance_type": {"id": "rack"}}, {"instance_type": {"id": "g5.xlarge"}})
    for id in ("rack", "g5.xlarge"):
        found = find_instance_type(site.store, registry, id)
        await site.write(lambda tx, found=found: delete_instance_type(tx, found))  # type: ignore[misc]
    assert site.store.all(Kind.INSTANCE_TYPE) == []
    found = find_instance_type(site.store, registry, "g5.xlarge")
    with pytest.raises(HomeportError, match="it came with Homeport") as caught:
        await site.write(lambda tx: delete_instance_type(tx, found))
    assert caught.value.code is ErrorCode.CONFLICT

from functools import partial

import pytest

from controlplane.fleet.catalogue import catalogue
from controlplane.fleet.instance_types import delete_instance_type, shape_of
from controlplane.store.store import Kind
from homeport.core.errors import ErrorCode, HomeportError
from homeport.core.resources import Gpu, Inventory
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
    hosts = [host(memory=125.4), host(memory=125.9), host(memory=126.1), host(gpus=2)]
    shapes = [shape for each in hosts if (shape := shape_of(each))]
    assert [shape.id for shape in shapes] == [
        "node-16cpu-125gi",
        "node-16cpu-125gi",
        "node-16cpu-126gi",
        "node-16cpu-125gi-2xnvidia-h200",
    ]
    assert shapes[0] == shapes[1]
    with_gpus = shapes[3]
    assert (with_gpus.compute_info.num_accelerators, with_gpus.compute_info.accelerator_memory) == (2, "140Gi")
    assert (with_gpus.architecture, with_gpus.description) == ("amd64", "EPYC, 2 x NVIDIA H200")
    assert shape_of(Inventory("new")) is None


def test_a_host_with_strange_names_makes_an_id_all_the_same() -> None:
    shape = shape_of(host(gpus=64, name="Größte GPU (X) " * 20))
    assert shape is not None
    assert len(shape.id) <= 100


async def test_only_ones_own_can_be_deleted(site: Site) -> None:
    await site.apply({"instance_type": {"id": "rack"}}, {"instance_type": {"id": "g5.xlarge"}})
    for id in ("rack", "g5.xlarge"):
        await site.write(partial(delete_instance_type, id=id))
    assert site.store.all(Kind.INSTANCE_TYPE) == []
    with pytest.raises(HomeportError, match="it came with Homeport") as caught:
        await site.write(partial(delete_instance_type, id="g5.xlarge"))
    assert caught.value.code is ErrorCode.CONFLICT

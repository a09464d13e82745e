from dataclasses import replace

import pytest

from homeport.core.placement.place import place
from homeport.core.placement.price import PriceRange, price_range
from homeport.core.placement.types import Wanted
from tests.unit.core.test_placement import GIB, Node, candidate, fleet_of, wanted

NODES = [candidate("n0", cpu=8000, memory_gib=32, gpus=2), candidate("n1", cpu=8000, memory_gib=32, gpus=2)]


@pytest.mark.parametrize(
    ("demand", "prices", "expected"),
    [
        (wanted(1, 1, cpu_milli=2000), {"n0": (4.0, 4.0)}, PriceRange(1.0, 1.0)),
        (wanted(0, 2, cpu_milli=2000, memory_bytes=16 * GIB), {"n0": (4.0, 6.0)}, PriceRange(0.0, 6.0)),
        (wanted(1, 2, accelerators=1), {"n0": (4.0, 4.0)}, PriceRange(2.0, 4.0)),
        (wanted(1, 4, accelerators=1, accelerator_milli=250), {"n0": (4.0, 8.0)}, PriceRange(0.5, 4.0)),
        (wanted(2, 4, cpu_milli=4000), {"n0": (4.0, 4.0), "n1": (2.0, 2.0)}, PriceRange(3.0, 6.0)),
        (wanted(2, 4, cpu_milli=4000), {"n0": (4.0, 4.0)}, PriceRange(2.0, 4.0, ("n1",))),
        (wanted(1, 1, cpu_milli=2000), {}, None),
        (wanted(1, 1, cpu_milli=9000), {"n0": (4.0, 4.0)}, None),
    ],
)
def test_a_plan_costs_the_part_of_each_node_that_it_takes(
    demand: Wanted, prices: dict[str, tuple[float, float]], expected: PriceRange | None
) -> None:
    fleet = fleet_of(Node(each) for each in NODES)
    plan = place(replace(demand, tiers=(("office/a",),)), fleet)
    assert price_range(plan, demand.needs, {each.node_id: each.inventory for each in NODES}, prices) == expected

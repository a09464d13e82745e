"""Every reason why a deployment is pending, in the words and numbers that people read, and what would mend it."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given

from homeport.core.placement.affinity import Affinity, LabelTerm
from homeport.core.placement.explain import Explanation, explain
from homeport.core.placement.place import place
from homeport.core.placement.types import Candidate, Held, Taken, Wanted
from homeport.core.refusal import Refusal
from homeport.core.requirements import Requirements
from homeport.core.resources import ComputeNeeds, Gpu, Inventory
from homeport.core.status import NodeStatus
from tests.unit.core.test_placement import GIB, POOLS, Node, candidate, demands, fleet_of, fleets, wanted


def explained(demand: Wanted, *nodes: Node | Candidate) -> Explanation:
    return explain(demand, fleet_of(each if isinstance(each, Node) else Node(each) for each in nodes))


SHORTAGES = {"cpu", "memory", "disk", "network", "accelerator"}
BROKEN = {
    "inventory": replace(candidate("gpu-07").inventory, gpus=(Gpu("g0", "NVIDIA L4", 24 * GIB, problem="XID 79"),))
}


@pytest.mark.parametrize(
    ("needs", "changes", "taken", "filter", "fixes"),
    [
        ({}, {"status": NodeStatus.LOST}, Taken(), "status", []),
        ({}, {"approved": False}, Taken(), "approval", ["homeport node approve gpu-07"]),
        ({}, {"cordoned": True}, Taken(), "cordon", ["homeport node uncordon gpu-07"]),
        ({}, {"draining": True}, Taken(), "drain", ["homeport node undrain gpu-07"]),
        ({}, {"labels": {}}, Taken(), "residency", []),
        ({}, {"nodepool": "office/b", "inventory": Inventory("gpu-07")}, Taken(), "driver", []),
        ({"cpu_milli": 2000}, {}, Taken(7500), "cpu", ["1500m of CPU freed on gpu-07 (held by other)"]),
        ({"cpu_milli": 9000}, {}, Taken(), "cpu", []),
        (
            {"memory_bytes": 8 * GIB},
            {},
            Taken(memory_bytes=11 * GIB + GIB // 5),
            "memory",
            ["3.2Gi of memory freed on gpu-07 (held by other)"],
        ),
        (
            {"disk_bytes": 50 * GIB},
            {"cordoned": True},
            Taken(disk_bytes=60 * GIB),
            "disk",
            ["homeport node uncordon gpu-07 and 10Gi of disk freed on gpu-07 (held by other)"],
        ),
        ({"accelerators": 1}, {}, Taken(), "accelerator", []),
        ({"accelerators": 1}, BROKEN, Taken(), "accelerator", []),
    ],
)
def test_each_reason_has_its_numbers_and_the_nearest_fix(
    needs: dict[str, Any], changes: dict[str, Any], taken: Taken, filter: str, fixes: list[str]
) -> None:
    demand = replace(wanted(**needs), residency={"tier": "1"})
    node = replace(candidate("gpu-07", labels={"tier": "1"}), **changes)
    found = explained(demand, Node(node, taken))
    assert found.plan.budgets == ()
    assert filter in found.filtered
    assert [fix.text for fix in found.fixes] == fixes
    assert found.summary.startswith("pending: none of 1 nodes takes it")


L4 = replace(
    candidate("gpu-07", gpus=1).inventory,
    architecture="x86_64",
    nvidia_driver_version="550.54.15",
    cuda_version="12.4",
    drivers=("docker",),
    network_mbps=1000,
)


@pytest.mark.parametrize(
    ("demand", "inventory", "need", "have", "fixes"),
    [
        ({"requires": Requirements(("arm64",))}, L4, "architecture: arm64", "amd64", []),
        (
            {"requires": Requirements(("arm64",))},
            replace(L4, architecture=""),
            "architecture: arm64",
            "an unknown one",
            [],
        ),
        (
            {"requires": Requirements(nvidia_driver=">=570")},
            L4,
            "nvidia_driver: >=570",
            "550.54.15",
            ["an NVIDIA driver >=570 on gpu-07"],
        ),
        (
            {"requires": Requirements(cuda=">=12.2,<12.4")},
            L4,
            "cuda: >=12.2,<12.4",
            "12.4",
            ["an NVIDIA driver that serves CUDA >=12.2,<12.4 on gpu-07"],
        ),
        (
            {"requires": Requirements(cuda=">=12.2")},
            replace(L4, cuda_version=""),
            "cuda: >=12.2",
            "no NVIDIA driver",
            ["an NVIDIA driver that serves CUDA >=12.2 on gpu-07"],
        ),
        (
            {"needs": ComputeNeeds(accelerators=1)},
            replace(L4, engine_gpu_obstacle="Docker 27.1 without CDI: nvidia-ctk cdi generate"),
            "engine: an engine that gives containers GPUs",
            "Docker 27.1 without CDI: nvidia-ctk cdi generate",
            ["Docker 27.1 without CDI: nvidia-ctk cdi generate (on gpu-07)"],
        ),
        (
            {"affinity": Affinity(require=(LabelTerm("disk", ("nvme", "ssd")),))},
            L4,
            "labels: label disk=nvme or ssd",
            "disk=hdd",
            ["label disk=nvme or ssd on gpu-07 (labels in its agent.toml)"],
        ),
        (
            {"affinity": Affinity(require=(LabelTerm("zone"),))},
            L4,
            "labels: label zone",
            "no label zone",
            ["label zone on gpu-07 (labels in its agent.toml)"],
        ),
        (
            {"affinity": Affinity(exclude=(LabelTerm("disk", ("hdd",)),))},
            L4,
            "labels: no label disk=hdd",
            "disk=hdd",
            ["no label disk=hdd on gpu-07 (labels in its agent.toml)"],
        ),
        (
            {"apart": {"gpu-07": "embed"}},
            L4,
            "apart_from: a node without embed",
            "embed has a placement there",
            ["embed away from gpu-07"],
        ),
        (
            {"needs": ComputeNeeds(network_mbps=300)},
            L4,
            "network: 300 Mbit/s",
            "200 Mbit/s free",
            ["100 Mbit/s of network freed on gpu-07 (held by other)"],
        ),
        ({"needs": ComputeNeeds(network_mbps=3000)}, L4, "network: 3000 Mbit/s", "200 Mbit/s free", []),
        (
            {"needs": ComputeNeeds(network_mbps=300)},
            replace(L4, network_mbps=0),
            "network: 300 Mbit/s",
            "a link of unknown speed: say network_mbps in its agent.toml",
            ["network_mbps in the agent.toml of gpu-07"],
        ),
    ],
)
def test_what_a_host_is_not_is_told_with_its_numbers_and_the_nearest_fix(
    demand: dict[str, Any], inventory: Inventory, need: str, have: str, fixes: list[str]
) -> None:
    node = candidate("gpu-07", inventory=inventory, node_labels={"disk": "hdd"})
    asked = replace(wanted(), driver="docker", **demand)
    found = explained(asked, Node(node, Taken(network_mbps=800)))
    assert found.plan.budgets == ()
    [reason] = found.nodes[0].reasons
    assert (f"{reason.filter}: {reason.need}", reason.have) == (need, have)
    assert [fix.text for fix in found.fixes] == fixes


@pytest.mark.parametrize(
    "demand",
    [
        {"requires": Requirements(("amd64", "arm64"), ">=535,<560", "==12")},
        {"affinity": Affinity((LabelTerm("disk", ("hdd", "ssd")), LabelTerm("disk")), (LabelTerm("zone"),))},
        {"apart": {"another": "embed"}},
        {"needs": ComputeNeeds(network_mbps=200, accelerators=1)},
    ],
)
def test_what_a_host_is_lets_it_in(demand: dict[str, Any]) -> None:
    node = candidate("gpu-07", inventory=L4, node_labels={"disk": "hdd"})
    found = explained(replace(wanted(), driver="docker", **demand), Node(node, Taken(network_mbps=800)))
    assert found.summary == "placed: up to 1 replicas on gpu-07"


def test_preferred_labels_come_before_packing_and_an_image_before_equals() -> None:
    demand = replace(wanted(accelerators=1), driver="docker", image="llama:1")
    gpus_of = {"a": 1, "b": 1, "c": 8}
    nodes = [
        candidate(name, inventory=replace(L4, gpus=candidate(name, gpus=count).inventory.gpus))
        for name, count in gpus_of.items()
    ]
    assert explained(demand, *nodes).nodes[0].node.name == "a"
    nodes[1] = replace(nodes[1], inventory=replace(nodes[1].inventory, images=("other:2", "llama:1")))
    found = explained(demand, *nodes).nodes
    assert [(each.node.name, each.favours) for each in found[:2]] == [("b", ("the image is there",)), ("a", ())]
    nodes[2] = replace(nodes[2], node_labels={"disk": "nvme"})
    drawn = replace(demand, affinity=Affinity(prefer=(LabelTerm("disk", ("nvme",)), LabelTerm("zone"))))
    found = explained(drawn, *nodes).nodes
    assert [(each.node.name, each.favours) for each in found] == [
        ("c", ("disk=nvme",)),
        ("b", ("the image is there",)),
        ("a", ()),
    ]


@pytest.mark.parametrize(
    ("needs", "taken", "fix"),
    [
        ({"accelerators": 2}, (("n-0", 1000),), "1 GPU freed on n (held by other)"),
        ({"accelerators": 2}, (("n-0", 1000), ("n-1", 10)), "2 GPUs freed on n (held by other)"),
        (
            {"accelerators": 1, "accelerator_milli": 250},
            (("n-0", 1000), ("n-1", 850)),
            "10 % of a GPU (25 % of a GPU is asked for) freed on n (held by other)",
        ),
    ],
)
def test_devices_that_would_have_to_be_freed(
    needs: dict[str, Any], taken: tuple[tuple[str, int], ...], fix: str
) -> None:
    found = explained(wanted(**needs), Node(candidate("n", gpus=2), Taken(devices=taken)))
    assert [each.text for each in found.fixes] == [fix]


def test_other_devices_that_would_do_by_their_memory_are_named() -> None:
    cut = (
        Gpu("g0", "NVIDIA H100 80GB HBM3", 80 * GIB),
        Gpu("m0", "NVIDIA H100 80GB HBM3 MIG 3g.40gb", 40 * GIB, mig_profile="3g.40gb", parent_uuid="g1"),
        Gpu("m1", "NVIDIA H100 80GB HBM3 MIG 1g.10gb", 10 * GIB, mig_profile="1g.10gb", parent_uuid="g1"),
    )
    node = candidate("gpu-07", inventory=replace(candidate("gpu-07").inventory, gpus=cut))
    demand = wanted(accelerators=1, accelerator_memory_bytes=20 * GIB, accelerator_types=("h100",))
    found = explained(demand, Node(node, Taken(devices=(("g0", 1000),))))
    assert [fix.text for fix in found.fixes] == [
        "1 GPU freed on gpu-07 (held by other)",
        "1 of MIG 3g.40gb on gpu-07: accelerator_type [mig-3g.40gb]",
    ]
    asked = replace(demand, needs=replace(demand.needs, accelerator_types=("mig-3g.*",)))
    [budget] = explained(asked, Node(node, Taken(devices=(("g0", 1000),)))).plan.budgets
    assert [share.gpu_uuid for share in budget.devices] == ["m0"]


def test_a_limit_of_sharing_counts_however_small_the_shares_are() -> None:
    shared = replace(candidate("n").inventory, gpus=(Gpu("g0", "NVIDIA L4", 24 * GIB, most_sharing=3),))
    demand = wanted(1, 5, accelerators=1, accelerator_milli=50)
    [budget] = explained(demand, candidate("n", inventory=shared)).plan.budgets
    assert budget.max_replicas == 3
    full = Taken(devices=tuple((share.gpu_uuid, share.compute_milli) for share in budget.devices))
    [reason] = explained(demand, Node(candidate("n", inventory=shared), full)).nodes[0].reasons
    assert (reason.need, reason.have) == (
        "5 % of a GPU",
        "0 free of 1, at most 0.1 % of one; its host lets 3 replicas share one",
    )


def test_the_nearest_fix_comes_first() -> None:
    found = explained(
        wanted(cpu_milli=2000),
        Node(candidate("far"), Taken(8000)),
        Node(candidate("near"), Taken(6500)),
        candidate("barred", cordoned=True),
    )
    assert [fix.text for fix in found.fixes] == [
        "homeport node uncordon barred",
        "500m of CPU freed on near (held by other)",
        "2 of CPU freed on far (held by other)",
    ]


def test_nodepools_without_a_node() -> None:
    found = explained(wanted())
    assert found.summary == f"pending: {POOLS[0]} and {POOLS[1]} have no node"
    assert [fix.text for fix in found.fixes] == [
        "a node in office/a or office/b: homeport join-token create brings one"
    ]


def test_a_part_that_fits_says_how_many() -> None:
    found = explained(wanted(1, 6, cpu_milli=2000), candidate("n"))
    assert found.summary.startswith("partly placed: up to 4 replicas on n, 6 were asked for")
    assert "max_replicas 4: so many fit" in [fix.text for fix in found.fixes]


def test_why_here_is_told_by_the_costs_of_those_that_fit() -> None:
    fleet = [candidate("cpu"), candidate("gpu", gpus=2, cpu=4000)]
    built = fleet_of(Node(each) for each in fleet)
    place(replace(wanted(cpu_milli=2000, accelerators=1), deployment_id="seen before"), built)
    found = explain(wanted(cpu_milli=2000), built)
    assert [(each.node.name, each.budget is not None) for each in found.nodes] == [("cpu", True), ("gpu", False)]
    costs = {each.node.name: each.cost for each in found.nodes}
    assert costs["cpu"] == 0.0
    assert costs["gpu"] is not None
    assert costs["gpu"] > 0
    assert found.summary == "placed: up to 1 replicas on cpu"


def test_what_an_agent_refused_is_a_reason() -> None:
    refusal = Refusal("chat", "devices_held", "100 % of gpu-0", "0 % of it left")
    found = explained(replace(wanted(), refused={"n": refusal}), candidate("n"))
    assert [(why.filter, why.need, why.have) for why in found.nodes[0].reasons] == [
        ("refused", "100 % of gpu-0", "0 % of it left")
    ]


def test_a_stopped_deployment_says_so() -> None:
    assert explained(wanted(0, 0), candidate("n")).summary == "stopped: it may have no replica"


def test_what_is_placed_is_explained_from_where_it_is() -> None:
    demand = wanted(1, 2, cpu_milli=4000)
    built = fleet_of([Node(candidate("n0")), Node(candidate("n1"))])
    place(demand, built)
    found = explain(replace(demand, held=(Held("n0", 2),)), built)
    placed, other = found.nodes
    assert (placed.node.name, placed.budget is not None) == ("n0", True)
    assert [reason.filter for reason in placed.reasons] == ["cpu"], "no more than it has"
    assert other.reasons == ()


@given(demands, fleets)
def test_an_explanation_changes_nothing_and_agrees_with_the_decision(demand: Wanted, fleet: list[Node]) -> None:
    built = fleet_of(fleet)
    found = explain(demand, built)
    assert built.taken(demand.deployment_id) == {}
    assert found.plan == explain(demand, built).plan
    in_pools = [each for each in fleet if each.candidate.nodepool in demand.nodepools]
    assert len(found.nodes) == len(in_pools)
    for answer in found.nodes:
        fits = not answer.reasons
        assert (answer.cost is not None) == fits or answer.reasons[0].filter not in SHORTAGES
        if answer.budget is not None:
            assert fits

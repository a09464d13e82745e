from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeport.core import canonical
from homeport.core.resources import ComputeNeeds, Inventory
from homeport.core.status import NodeStatus
from homeport.core.workload import Probe, Workload


@dataclass(frozen=True)
class Thing:
    name: str
    status: NodeStatus = NodeStatus.READY
    numbers: tuple[int, ...] = ()
    labels: dict[str, str] = field(default_factory=dict)
    needs: ComputeNeeds | None = None


texts = st.text(max_size=20)
workloads = st.builds(
    Workload,
    driver=texts,
    command=st.lists(texts, max_size=4).map(tuple),
    env=st.dictionaries(texts, texts, max_size=4),
    readiness=st.builds(Probe, path=texts, interval_seconds=st.floats(0, 100)),
    needs=st.builds(ComputeNeeds, cpu_milli=st.integers(0, 10**6), accelerator_types=st.lists(texts).map(tuple)),
)


@given(workloads)
def test_a_workload_reads_back_equal(workload: Workload) -> None:
    assert canonical.loads(Workload, canonical.dumps(workload)) == workload


@given(workloads)
def test_plain_data_has_the_hash_of_what_it_came_from(workload: Workload) -> None:
    again = canonical.from_plain(Workload, canonical.to_plain(workload))
    assert again.spec_hash() == workload.spec_hash()
    assert len(workload.spec_hash()) == 16


def test_equal_values_have_one_text_whatever_the_order() -> None:
    one, other = Thing("a", labels={"x": "1", "y": "2"}), Thing("a", labels={"y": "2", "x": "1"})
    assert canonical.dumps(one) == canonical.dumps(other)
    assert " " not in canonical.dumps(one)


def test_a_newer_writers_keys_are_ignored_and_missing_ones_take_their_default() -> None:
    assert canonical.loads(Thing, '{"name":"a","invented":{"later":1}}') == Thing("a")


def test_a_missing_key_without_a_default_is_an_error() -> None:
    with pytest.raises(ValueError, match="Thing: key 'name' is missing"):
        canonical.loads(Thing, "{}")


def test_nested_and_optional_values_get_their_types_back() -> None:
    thing = Thing("a", NodeStatus.LOST, (1, 2), {}, ComputeNeeds(cpu_milli=5))
    again = canonical.loads(Thing, canonical.dumps(thing))
    assert again == thing
    assert isinstance(again.status, NodeStatus)
    assert isinstance(again.numbers, tuple)
    assert canonical.loads(Inventory, '{"hostname":"h","gpus":[{"uuid":"u","name":"n","memory_bytes":1}]}').gpus[0].uuid


@pytest.mark.parametrize("change", [{"command": ("b",)}, {"env": {"A": "1"}}, {"port": 1}])
def test_another_workload_has_another_hash(change: dict[str, object]) -> None:
    base = {"driver": "process", "command": ("a",)}
    assert Workload(**{**base, **change}).spec_hash() != Workload(**base).spec_hash()  # type: ignore[arg-type]

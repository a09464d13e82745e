"""Packing decisions, told as small fleets."""

from dataclasses import dataclass, replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from homeport.core.packing.capacity import NodeCapacity
from homeport.core.packing.packer import Packer
from homeport.core.packing.shape import DeviceClass, Shape

GIB = 1 << 30
T4, A100 = DeviceClass("T4", 16 * GIB), DeviceClass("A100", 80 * GIB)


@dataclass(frozen=True)
class Spot:
    node_id: str
    devices: tuple[int, ...] = ()
    milli: int = 0


def node(node_id: str, *devices: DeviceClass, cpu: int = 16_000, memory: int = 64 * GIB) -> NodeCapacity:
    return NodeCapacity(node_id, cpu, memory, devices, (1000,) * len(devices))


class Packing:
    """A packer that is told of all that is taken."""

    def __init__(self, *nodes: NodeCapacity, mix: list[Shape] | None = None) -> None:
        self.packer = Packer()
        self.nodes = {each.node_id: each for each in nodes}
        for each in nodes:
            self.packer.put(each)
        for shape in mix or ():
            self.packer.asked_for(shape)
        self._learns = mix is None

    def rows(self) -> "np.typing.NDArray[np.int64]":
        return np.array([self.packer.row(node_id) for node_id in sorted(self.nodes)], dtype=np.int64)

    def place(self, shape: Shape) -> Spot | None:
        if self._learns:
            self.packer.asked_for(shape)
        fitting = self.packer.fit(shape)
        node_id = next(fitting.best_first(self.rows()), None)
        if node_id is None:
            return None
        assert fitting.room(node_id) > 0
        devices = fitting.devices(node_id, 1)
        before = self.nodes[node_id]
        free = list(before.free)
        for device, milli in devices:
            free[device] -= milli
        after = replace(
            before,
            cpu_milli=before.cpu_milli - shape.cpu_milli,
            memory_bytes=before.memory_bytes - shape.memory_bytes,
            free=tuple(free),
        )
        self.nodes[node_id] = after
        self.packer.put(after)
        return Spot(node_id, tuple(device for device, _ in devices), devices[0][1] if devices else 0)


packer = Packing


def test_a_share_goes_beside_another_share() -> None:
    quarter = Shape(devices=1, compute_milli=250)
    packing = packer(node("a", T4, T4), node("b", T4, T4))
    assert [packing.place(quarter) for _ in range(4)] == [Spot("a", (0,), 250)] * 4
    assert packing.place(quarter) == Spot("a", (1,), 250)


def test_whole_devices_are_never_split_over_nodes_and_shares_never_over_devices() -> None:
    packing = packer(node("a", T4), node("b", T4))
    assert packing.place(Shape(devices=2)) is None
    for _ in range(2):
        assert packing.place(Shape(devices=1, compute_milli=600))
    assert packing.place(Shape(devices=1, compute_milli=600)) is None


def test_memory_of_a_device_is_a_share_of_it() -> None:
    packing = packer(node("a", T4), node("b", A100))
    half = Shape(devices=1, compute_milli=1, device_memory_bytes=40 * GIB)
    assert packing.place(half) == Spot("b", (0,), 500)
    assert packing.place(half) == Spot("b", (0,), 500)
    assert packing.place(half) is None


def test_only_devices_of_a_wanted_type() -> None:
    packing = packer(node("a", T4), node("b", A100))
    assert packing.place(Shape(devices=1, types=("A1*",))) == Spot("b", (0,), 1000)
    assert packing.place(Shape(devices=1, types=("A1*",))) is None


def test_what_asks_for_no_device_leaves_the_nodes_whose_cpu_their_devices_need() -> None:
    asked = [Shape(8_000, GIB, 1), Shape(8_000, GIB)]
    packing = packer(node("gpu", T4, T4), node("cpu", cpu=16_000), mix=asked)
    assert [packing.place(asked[1]), packing.place(asked[1])] == [Spot("cpu"), Spot("cpu")]
    assert packing.place(asked[0]) == Spot("gpu", (0,), 1000)
    assert packing.place(asked[0]) == Spot("gpu", (1,), 1000)


def test_one_device_does_not_break_a_node_that_others_need_whole() -> None:
    asked = [Shape(1_000, GIB, 1), Shape(4_000, GIB, 4)]
    packing = packer(node("a", T4, T4, T4, T4), node("b", T4, T4, T4, T4), node("c", T4), mix=asked)
    assert packing.place(asked[0]) == Spot("c", (0,), 1000)


def test_devices_that_are_held_come_first() -> None:
    quarter = Shape(devices=1, compute_milli=250)
    packing = packer(node("a", T4, T4, T4), mix=[quarter, Shape(devices=1)])
    assert packing.packer.fit(Shape(devices=1)).devices("a", 2, held=[2]) == [(2, 1000), (0, 1000)]
    assert packing.packer.fit(quarter).devices("a", 3, held=[1, 1]) == [(1, 250)] * 3


def test_out_of_cpu_memory_or_nodes() -> None:
    packing = packer(node("a", cpu=1_000, memory=GIB))
    assert packing.place(Shape(1_001)) is None
    assert packing.place(Shape(0, GIB + 1)) is None
    assert packing.place(Shape(1_000, GIB)) == Spot("a")
    assert packing.place(Shape(1)) is None
    assert packer().place(Shape()) is None


shapes = st.one_of(
    st.builds(Shape, st.integers(0, 9_000), st.integers(0, 40 * GIB)),
    st.builds(Shape, st.integers(0, 9_000), st.integers(0, 40 * GIB), st.just(1), st.integers(1, 1000)),
    st.builds(Shape, st.integers(0, 9_000), st.integers(0, 40 * GIB), st.integers(2, 4)),
    st.builds(
        Shape, st.just(0), st.just(0), st.just(1), st.just(1), st.integers(1, 80 * GIB), st.sampled_from([(), ("T*",)])
    ),
)
fleets = st.lists(
    st.tuples(st.integers(0, 32_000), st.integers(0, 128 * GIB), st.lists(st.sampled_from([T4, A100]), max_size=4)),
    max_size=6,
)


@given(fleets, st.lists(shapes, max_size=40))
def test_nothing_is_ever_oversold_and_what_fits_is_placed(
    fleet: list[tuple[int, int, list[DeviceClass]]], asked: list[Shape]
) -> None:
    nodes = [node(f"n{i}", *devices, cpu=cpu, memory=memory) for i, (cpu, memory, devices) in enumerate(fleet)]
    free = {n.node_id: (n.cpu_milli, n.memory_bytes, [1000] * len(n.devices)) for n in nodes}
    classes = {n.node_id: n.devices for n in nodes}
    packing = packer(*nodes)
    for shape in asked:
        spot = packing.place(shape)
        if spot is None:
            assert not any(_fits(shape, free[n], classes[n]) for n in free)
            continue
        assert len(spot.devices) == len(set(spot.devices)) == shape.devices
        cpu, memory, devices = free[spot.node_id]
        for device in spot.devices:
            assert spot.milli == shape.milli_on(classes[spot.node_id][device])
            devices[device] -= spot.milli
        free[spot.node_id] = (cpu - shape.cpu_milli, memory - shape.memory_bytes, devices)
        assert min(free[spot.node_id][:2]) >= 0
        assert min(devices, default=0) >= 0


@given(fleets, st.lists(shapes, max_size=20))
def test_equal_input_gives_equal_output(fleet: list[tuple[int, int, list[DeviceClass]]], asked: list[Shape]) -> None:
    nodes = [node(f"n{i}", *devices, cpu=cpu, memory=memory) for i, (cpu, memory, devices) in enumerate(fleet)]
    first, second = packer(*nodes), packer(*nodes)
    assert [first.place(shape) for shape in asked] == [second.place(shape) for shape in asked]


@given(fleets, st.lists(shapes, max_size=12), st.data())
def test_nodes_that_come_and_go_leave_no_trace(
    fleet: list[tuple[int, int, list[DeviceClass]]], asked: list[Shape], data: st.DataObject
) -> None:
    nodes = [node(f"n{i}", *devices, cpu=cpu, memory=memory) for i, (cpu, memory, devices) in enumerate(fleet)]
    gone = data.draw(st.sets(st.sampled_from([each.node_id for each in nodes])) if nodes else st.just(set()))
    plain = packer(*(each for each in nodes if each.node_id not in gone))
    eventful = packer(*nodes)
    for node_id in sorted(gone):
        eventful.packer.fit(Shape(1)).room(node_id)
        eventful.packer.remove(node_id)
        del eventful.nodes[node_id]
    assert [plain.place(shape) for shape in asked] == [eventful.place(shape) for shape in asked]


@given(fleets, shapes)
def test_room_is_how_many_are_placed(fleet: list[tuple[int, int, list[DeviceClass]]], shape: Shape) -> None:
    for index, (cpu, memory, devices) in enumerate(fleet):
        packing = packer(node(f"n{index}", *devices, cpu=cpu, memory=memory), mix=[shape])
        room = packing.packer.fit(shape).room(f"n{index}")
        if room <= 64:
            assert [bool(packing.place(shape)) for _ in range(room + 1)] == [True] * room + [False]


def _fits(shape: Shape, free: tuple[int, int, list[int]], classes: tuple[DeviceClass, ...]) -> bool:
    cpu, memory, devices = free
    room = 0
    for left, device in zip(devices, classes, strict=True):
        milli = shape.milli_on(device)
        room += milli is not None and left >= milli
    return cpu >= shape.cpu_milli and memory >= shape.memory_bytes and room >= shape.devices


@given(
    st.lists(st.sampled_from([(T4,), (T4, T4), (A100,) * 4, ()]), min_size=70, max_size=90),
    st.lists(shapes, min_size=1, max_size=8),
)
def test_many_nodes_of_a_few_kinds_cost_what_each_costs_alone(
    kinds: list[tuple[DeviceClass, ...]], asked: list[Shape]
) -> None:
    """Of nodes that are alike one is weighed for all of them."""
    many = packer(*(node(f"n{number:02}", *devices) for number, devices in enumerate(kinds)), mix=asked)
    for shape in asked:
        many.place(shape)
    for node_id, each in list(many.nodes.items())[::9]:
        alone = packer(each, *(node(f"other-{kind}", *kind) for kind in ((T4,), (A100,))), mix=asked)
        for shape in asked:
            assert many.packer.fit(shape).cost(node_id) == alone.packer.fit(shape).cost(node_id)


@given(st.lists(shapes, max_size=12), st.sampled_from([T4, A100]))
def test_a_node_of_mixed_devices_changes_no_choice_on_others(asked: list[Shape], kind: DeviceClass) -> None:
    """Whole devices of one class are not weighed against each other, unless there is such a node."""
    alike = packer(node("n0", *(kind,) * 4), node("n1", *(kind,) * 2), mix=asked)
    beside = packer(*alike.nodes.values(), replace(node("n2", T4, A100), cpu_milli=-1), mix=asked)
    for shape in [*asked, Shape(devices=1)]:
        assert alike.place(shape) == beside.place(shape)

"""Which moves are worth it, the most for the fewest replicas first. Equal input gives equal output."""

from collections import defaultdict
from collections.abc import Collection, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from homeport.core.packing.shape import WHOLE
from homeport.core.placement.covering import covering
from homeport.core.placement.filter import bar
from homeport.core.placement.fleet import Fleet
from homeport.core.placement.place import place
from homeport.core.placement.types import Candidate, Held, Plan, Wanted
from homeport.core.rebalance.relocate import Relocation, Suits
from homeport.core.rebalance.types import Aim, Clearing, Movable

# Of the nodes that could be cleared for a replica that waits, those with the fewest moves are tried.
_MOST_NODES = 16
# Replicas that may move for one replica that waits, or for one GPU.
_MOST_PER_GAIN = 8
# Kinds of demand for which room is looked for in vain before what still waits is left waiting.
_MOST_HOPELESS = 64
# Nodes that are looked at before others may run.
_PER_TURN = 20


def propose(
    fleet: Fleet, pools: Collection[str], movable: Sequence[Movable], waiting: Sequence[Wanted], most: int
) -> Iterator[Clearing | None]:
    """Clearings that move at most so many replicas together, made in `fleet` as they are told. None in between: a
    caller may let others run.

    Room for what waits comes before whole GPUs and nodes. Only nodes of `pools` are cleared; a replica stays in its
    nodepool and moves once. No node is both left and moved to, so no move waits for another.
    """
    rebalancing = _Rebalancing(fleet, pools, movable, most)
    hopeless: list[tuple[object, ...]] = []
    for wanted in waiting:
        # What asks for the same finds as little.
        kind = (wanted.driver, wanted.needs, wanted.tiers, wanted.residency, wanted.requires, wanted.affinity)
        if len(hopeless) < _MOST_HOPELESS and kind not in hopeless:
            found = yield from rebalancing.make_room(wanted)
            if not found:
                hopeless.append(kind)
    yield from rebalancing.consolidate()


@dataclass(frozen=True, slots=True)
class _Option:
    """Placements whose leaving may free so much on the node: whole GPUs, and 1 for the node itself."""

    aim: Aim
    node_id: str
    leaving: tuple[Movable, ...]
    gain: int = 1

    @property
    def cost(self) -> int:
        return sum(each.replicas for each in self.leaving)


class _Rebalancing:
    def __init__(self, fleet: Fleet, pools: Collection[str], movable: Sequence[Movable], most: int) -> None:
        self._fleet = fleet
        self._pools = sorted(pools)
        self._left = most
        self._movable: defaultdict[str, list[Movable]] = defaultdict(list)
        for each in movable:
            self._movable[each.node_id].append(each)
        self._cleared: set[str] = set()
        self._filled: set[str] = set()
        # Of each node: wholly free GPUs, and 1 when nothing runs there.
        ids = [node.node_id for node in fleet.in_pools(self._pools)]
        whole = (fleet.packer.free(ids) == WHOLE).sum(1).tolist()
        self._free = {id: (count, int(not fleet.ledger.on(id))) for id, count in zip(ids, whole, strict=True)}

    def make_room(self, wanted: Wanted) -> Generator[Clearing | None, None, bool]:
        """For as many replicas as possible. True when there is room for all."""
        plan = place(wanted, self._fleet)
        while plan.missing_max and self._left:
            options = []
            for index, node in enumerate(self._fleet.in_pools(wanted.nodepools)):
                option = self._room_on(node, wanted)
                if option is not None:
                    options.append(option)
                if index % _PER_TURN == _PER_TURN - 1:
                    yield None
            options.sort(key=lambda option: (option.cost, option.node_id))
            for option in options[:_MOST_NODES]:
                clearing, plan = self._clear_for(wanted, plan, option)
                yield clearing
                if clearing is not None:
                    wanted = replace(wanted, held=_held(wanted, plan))
                    break
            else:
                break
        return not plan.missing_max

    def consolidate(self) -> Iterator[Clearing | None]:
        """Whole GPUs and nodes, as long as replicas may move."""
        options: list[_Option] = []
        for index, node in enumerate(self._fleet.in_pools(self._pools)):
            if self._may_be_left(node):
                options += self._options_on(node)
            if index % _PER_TURN == _PER_TURN - 1:
                yield None
        options.sort(key=lambda option: (option.cost / option.gain, option.cost, option.node_id))
        for option in options:
            if not self._left:
                return
            here = self._movable[option.node_id]
            if option.node_id not in self._filled and option.cost <= self._left and set(option.leaving) <= set(here):
                yield self._clear(option)

    def _room_on(self, node: Candidate, wanted: Wanted) -> _Option | None:
        held = next((held for held in wanted.held if held.node_id == node.node_id), None)
        if node.nodepool not in self._pools or not self._may_be_left(node) or bar(node, wanted, held) is not None:
            return None
        here, free = self._fleet.ledger.on(node.node_id), self._fleet.free(node.node_id)
        # What is as large as that which waits would only wait in its stead.
        smaller = [each for each in self._movable[node.node_id] if _size(each.wanted) < _size(wanted)]
        taken = {each: here[each.wanted.deployment_id] for each in smaller}
        leaving = covering(node, wanted.needs, free, taken) if taken else None
        option = _Option(Aim.ROOM, node.node_id, leaving) if leaving else None
        return option if option is not None and option.cost <= min(self._left, _MOST_PER_GAIN) else None

    def _options_on(self, node: Candidate) -> Iterator[_Option]:
        fleet, movable = self._fleet, self._movable[node.node_id]
        here = fleet.ledger.on(node.node_id)
        taken = {each: here[each.wanted.deployment_id] for each in movable}
        partly = 0
        for gpu, free in zip(node.inventory.gpus, fleet.free(node.node_id).devices, strict=True):
            if not gpu.is_usable or not 0 < free < WHOLE:
                continue
            partly += 1
            on_it = {each: sum(m for id, m in t.devices if id == gpu.uuid) for each, t in taken.items()}
            if sum(on_it.values()) == WHOLE - free:
                yield _Option(Aim.GPU, node.node_id, tuple(each for each, milli in on_it.items() if milli))
        if movable and len(movable) == len(here):
            yield _Option(Aim.NODE, node.node_id, tuple(movable), partly + 1)

    def _clear_for(self, wanted: Wanted, plan: Plan, option: _Option) -> tuple[Clearing | None, Plan]:
        before = self._fleet.taken(wanted.deployment_id)
        relocation = Relocation(self._fleet)
        if not relocation.relocate(option.leaving, self._may_be_filled(option.node_id), breaks_whole=True):
            return None, plan
        after = place(wanted, self._fleet)
        if after.missing_max >= plan.missing_max:
            self._fleet.take(wanted.deployment_id, before)
            relocation.undo()
            return None, plan
        places = [budget.node_id for budget in after.budgets]
        return self._done(option, relocation, places, wanted.deployment_id), after

    def _clear(self, option: _Option) -> Clearing | None:
        """Only onto nodes and GPUs that are in use already."""
        fleet, may_be_filled = self._fleet, self._may_be_filled(option.node_id)
        relocation = Relocation(fleet)
        if not relocation.relocate(
            option.leaving, lambda id: may_be_filled(id) and bool(fleet.ledger.on(id)), breaks_whole=False
        ):
            return None
        gpus, nodes = self._gain([option.node_id, *(move.to_node for move in relocation.moves)])
        if gpus < 0 or nodes < 0 or gpus + nodes == 0:
            relocation.undo()
            return None
        return self._done(option, relocation, [])

    def _done(
        self, option: _Option, relocation: Relocation, places: Iterable[str], deployment_id: str = ""
    ) -> Clearing:
        self._left -= option.cost
        targets = {move.to_node for move in relocation.moves}
        self._cleared.add(option.node_id)
        self._filled |= targets
        self._movable[option.node_id] = [each for each in self._movable[option.node_id] if each not in option.leaving]
        touched = {option.node_id, *targets, *places}
        gpus, nodes = self._gain(touched)
        self._free |= {id: self._free_on(id) for id in touched}
        return Clearing(option.aim, option.node_id, tuple(relocation.moves), gpus, nodes, deployment_id)

    def _may_be_left(self, node: Candidate) -> bool:
        return node.takes_new and node.node_id not in self._filled

    def _may_be_filled(self, source: str) -> Suits:
        return lambda node_id: node_id != source and node_id not in self._cleared

    def _gain(self, node_ids: Iterable[str]) -> tuple[int, int]:
        pairs = [(self._free_on(id), self._free.get(id, (0, 0))) for id in set(node_ids) & self._free.keys()]
        return sum(now[0] - was[0] for now, was in pairs), sum(now[1] - was[1] for now, was in pairs)

    def _free_on(self, node_id: str) -> tuple[int, int]:
        whole = sum(milli == WHOLE for milli in self._fleet.free(node_id).devices)
        return whole, int(not self._fleet.ledger.on(node_id))


def _size(wanted: Wanted) -> tuple[int, int]:
    """Of one replica: milli of devices, then of CPU."""
    return wanted.needs.accelerators * wanted.needs.accelerator_milli, wanted.needs.cpu_milli


def _held(wanted: Wanted, plan: Plan) -> tuple[Held, ...]:
    before = {held.node_id: held for held in wanted.held}
    return tuple(
        replace(before.get(budget.node_id, Held(budget.node_id, 0)), max_replicas=budget.max_replicas)
        for budget in plan.budgets
    )

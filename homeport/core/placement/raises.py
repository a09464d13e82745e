"""Budgets are lowered at once and raised late: an agent acts on what it heard last, so what one node gives up is given
to another only when the first has acknowledged that, or is lost."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from homeport.core.placement.types import Budget


@dataclass(frozen=True, slots=True)
class Unacked:
    """A node that may still act on a higher maximum than it is given now. `seq` is that of the write that lowered it:
    once its agent has acknowledged that, this is over."""

    node_id: str
    max_replicas: int
    seq: int


@dataclass(frozen=True, slots=True)
class Raised:
    """`budgets` are those that may be written now; `withheld` counts the replicas that wait for acknowledgements."""

    budgets: tuple[Budget, ...]
    withheld: int = 0


def raise_budgets(
    planned: Sequence[Budget],
    may_act_on: Mapping[str, int],
    written: Mapping[str, int],
    kept: Mapping[str, int],
    maximum: int,
) -> Raised:
    """`may_act_on`: of each node that is not lost, the highest maximum that its agent may act on now, for all that is
    known; it may have gone down to what was `written` last. `kept`: what nodes without a planned budget keep until
    others have taken over; it comes on top of the `maximum`.

    What agents may act on never adds up to more than that through what is written here: where it is more already, as
    after an edit or the return of a lost node, nothing is raised.
    """
    given = {budget.node_id for budget in planned}
    acting = sum(most if id in given else max(0, most - kept.get(id, 0)) for id, most in may_act_on.items())
    room = max(0, maximum - acting)
    # Where there is too much already, even what a node may still act on is not given back to it.
    had = written if acting > maximum else may_act_on
    budgets = []
    withheld = 0
    for budget in planned:
        more = max(0, budget.max_replicas - had.get(budget.node_id, 0))
        granted = min(more, room)
        room -= granted
        withheld += more - granted
        most = budget.max_replicas - more + granted
        if most == budget.max_replicas:
            budgets.append(budget)
        elif most:
            budgets.append(_of_fewer(budget, most))
    return Raised(tuple(budgets), withheld)


def unacked(
    before: Iterable[Unacked],
    written: Mapping[str, int],
    now: Mapping[str, int],
    may_act_on: Mapping[str, int],
) -> tuple[Unacked, ...]:
    """Nodes that may act on more than they are given `now`; `written` is what they were given until now. Where that is
    lowered further the wait begins anew: its `seq` is 0, and only the write knows it."""
    seqs = {each.node_id: each.seq for each in before}
    return tuple(
        Unacked(id, most, seqs.get(id, 0) if now.get(id, 0) == written.get(id, 0) else 0)
        for id, most in sorted(may_act_on.items())
        if most > now.get(id, 0)
    )


def _of_fewer(budget: Budget, most: int) -> Budget:
    devices = budget.devices[: len(budget.devices) // budget.max_replicas * most]
    return replace(budget, min_replicas=min(budget.min_replicas, most), max_replicas=most, devices=devices)

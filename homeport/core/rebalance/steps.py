"""How the moves of a rebalance go on: a few at a time, each until its replicas are ready where they go."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from homeport.core.rebalance.types import Move

# The scheduler looks at a deployment as soon as it is told of a move. One that has not even begun then will not.
_HEED_SECONDS = 60.0


class State(StrEnum):
    WAITING = "waiting"
    MOVING = "moving"
    # It took too long: back to where it still runs.
    RETURNING = "returning"
    DONE = "done"
    RETURNED = "returned"
    SKIPPED = "skipped"


UNDER_WAY = frozenset({State.MOVING, State.RETURNING})
OVER = frozenset({State.DONE, State.RETURNED, State.SKIPPED})


class Outcome(StrEnum):
    DONE = "done"
    STOPPED = "stopped"
    # Its deadline came first.
    EXPIRED = "expired"


class Seat(StrEnum):
    """Of a move's two nodes, those on which the deployment has a placement. While it moves it has one on both."""

    SOURCE = "source"
    BOTH = "both"
    TARGET = "target"
    NEITHER = "neither"


@dataclass(frozen=True, slots=True)
class Step:
    """A move and how far it is; `since` is unix seconds. `reason` says why it was skipped or taken back."""

    move: Move
    state: State = State.WAITING
    since: float = 0.0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Terms:
    """At most `at_once` moves are under way. Each is taken back after `patience` seconds. No more are begun after
    `deadline_at`, unix seconds, or when it was `stopped`."""

    at_once: int
    patience: float
    deadline_at: float
    stopped: bool = False


def advance(
    steps: Sequence[Step],
    seat: Callable[[Move], Seat],
    has_room: Callable[[Move], bool | None],
    terms: Terms,
    now: float,
) -> tuple[Step, ...]:
    """`has_room` is asked only of moves that could begin now; None = nobody can tell for the moment. A deployment moves
    one placement at a time."""
    followed = [_follow(step, seat(step.move), terms, now) if step.state in UNDER_WAY else step for step in steps]
    busy = Counter(step.move.deployment_id for step in followed if step.state in UNDER_WAY)
    ended = _why_ended(terms, now)
    result = []
    for step in followed:
        if step.state is State.WAITING:
            if ended:
                step = _over(step, State.SKIPPED, now, ended)
            elif seat(step.move) is not Seat.SOURCE:
                step = _over(step, State.SKIPPED, now, "it is not where it was")
            elif busy.total() < terms.at_once and not busy[step.move.deployment_id]:
                room = has_room(step.move)
                if room:
                    busy[step.move.deployment_id] += 1
                    step = replace(step, state=State.MOVING, since=now)
                elif room is False:
                    step = _over(step, State.SKIPPED, now, "there is no room any more")
        result.append(step)
    return tuple(result)


def outcome(steps: Sequence[Step], terms: Terms) -> Outcome:
    """Of all of them, when none goes on any more."""
    if terms.stopped:
        return Outcome.STOPPED
    expired = any(step.state is State.SKIPPED and step.since >= terms.deadline_at for step in steps)
    return Outcome.EXPIRED if expired else Outcome.DONE


def _follow(step: Step, seat: Seat, terms: Terms, now: float) -> Step:
    waited = now - step.since
    if seat is Seat.TARGET:
        return _over(step, State.DONE, now, "")
    if seat is Seat.NEITHER:
        return _over(step, State.SKIPPED, now, "it is not where it was")
    if step.state is State.RETURNING:
        # A node that is lost keeps its placement until it comes back: nobody waits for that.
        back = seat is Seat.SOURCE or waited >= terms.patience
        return _over(step, State.RETURNED, now, step.reason) if back else step
    if seat is Seat.SOURCE and waited >= _HEED_SECONDS:
        return _over(step, State.SKIPPED, now, "the scheduler keeps it where it is")
    if seat is Seat.BOTH and waited >= terms.patience:
        return replace(step, state=State.RETURNING, since=now, reason=f"not ready there within {terms.patience:g} s")
    return step


def _why_ended(terms: Terms, now: float) -> str:
    if terms.stopped:
        return "the rebalance was stopped"
    return "the deadline has passed" if now >= terms.deadline_at else ""


def _over(step: Step, state: State, now: float, reason: str) -> Step:
    return replace(step, state=state, since=now, reason=reason)

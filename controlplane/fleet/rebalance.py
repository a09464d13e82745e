"""The last rebalance: what it was to do and how far it is. Its moves are written to the deployments that they are of,
one at a time, and the scheduler follows them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from controlplane.store.store import Kind, Record, Transaction
from homeport.core import canonical
from homeport.core.errors import ErrorCode, HomeportError
from homeport.core.rebalance.figures import Figures
from homeport.core.rebalance.steps import OVER, UNDER_WAY, State, Step, Terms
from homeport.core.rebalance.types import Clearing, Move

LAST = "last"


@dataclass(frozen=True, slots=True)
class Rebalance:
    """`most` replicas of `replicas` may move, those in `pools`. `before` and `after`: the figures, the latter once all
    moves are done. Times are unix seconds."""

    pools: tuple[str, ...]
    replicas: int
    most: int
    started_at: float
    terms: Terms
    before: Figures
    after: Figures
    clearings: tuple[Clearing, ...]

    @property
    def moves(self) -> tuple[Move, ...]:
        return tuple(move for clearing in self.clearings for move in clearing.moves)


def rebalance_of(record: Record) -> Rebalance:
    found: Rebalance = canonical.from_plain(Rebalance, record.spec)
    return found


def steps_of(record: Record) -> tuple[Step, ...]:
    """In the order of the rebalance's moves."""
    found: tuple[Step, ...] = canonical.from_plain(tuple[Step, ...], record.status["steps"])
    return found


def is_over(record: Record) -> bool:
    over: bool = record.status["over"]
    return over


def move_of(deployment: Record) -> Move | None:
    """The one that is under way."""
    plain = deployment.status.get("move")
    if plain is None:
        return None
    move: Move = canonical.from_plain(Move, plain)
    return move


def is_on_its_way(deployment: Record) -> bool:
    """Replicas of it are moving, or about to."""
    placement = deployment.status.get("placement", {})
    awaited = placement.get("leaving") or placement.get("unacked") or placement.get("withheld")
    return bool(awaited) or move_of(deployment) is not None


def start_rebalance(tx: Transaction, wanted: Rebalance) -> Record:
    """Raises CONFLICT while another one goes on."""
    last = tx.get(Kind.REBALANCE, LAST)
    if last is not None and not is_over(last):
        raise HomeportError(
            ErrorCode.CONFLICT,
            "a rebalance goes on already",
            hint="`homeport rebalance` shows how far it is, `homeport rebalance --stop` ends it",
        )
    if last is not None:
        tx.delete(Kind.REBALANCE, LAST)
    return tx.create(Kind.REBALANCE, LAST, canonical.to_plain(wanted), _status([Step(move) for move in wanted.moves]))


def stop_rebalance(tx: Transaction) -> Record:
    """Nothing more is begun; what is under way is ended. Raises CONFLICT when none goes on."""
    last = tx.get(Kind.REBALANCE, LAST)
    if last is None or is_over(last):
        raise HomeportError(ErrorCode.CONFLICT, "no rebalance goes on")
    return tx.put_spec(Kind.REBALANCE, LAST, {**last.spec, "terms": {**last.spec["terms"], "stopped": True}})


def put_steps(tx: Transaction, seen: Record, steps: Sequence[Step]) -> bool:
    """Tells the deployments concerned, too. False when the rebalance is not as it was `seen`."""
    last = tx.get(Kind.REBALANCE, LAST)
    if last != seen:
        return False
    for step in steps:
        deployment = tx.get(Kind.DEPLOYMENT, step.move.deployment_id)
        if deployment is not None:
            _tell(tx, deployment, step)
    tx.put_status(Kind.REBALANCE, LAST, _status(steps))
    return True


def _status(steps: Sequence[Step]) -> dict[str, Any]:
    return {"steps": canonical.to_plain(list(steps)), "over": all(step.state in OVER for step in steps)}


def _tell(tx: Transaction, deployment: Record, step: Step) -> None:
    move = step.move
    back = Move(move.deployment_id, move.to_node, move.from_node, move.replicas)
    told = move_of(deployment)
    want = (back if step.state is State.RETURNING else move) if step.state in UNDER_WAY else None
    if want is None and told in (move, back):
        status = {key: value for key, value in deployment.status.items() if key != "move"}
        tx.put_status(Kind.DEPLOYMENT, deployment.id, status)
    elif want is not None and told != want:
        tx.put_status(Kind.DEPLOYMENT, deployment.id, {**deployment.status, "move": canonical.to_plain(want)})

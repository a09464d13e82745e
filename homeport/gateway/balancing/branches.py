"""Which of the revisions that run side by side a request goes to."""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import Protocol

from homeport.core.errors import ErrorCode, HomeportError
from homeport.core.rollout.share import pick_share
from homeport.gateway.routing.routes import Branch


class Standing(Protocol):
    """Of a branch on a node."""

    @property
    def min_replicas(self) -> int: ...

    @property
    def max_replicas(self) -> int: ...

    @property
    def ready_replicas(self) -> int: ...


# Of a track, on the nodes that are connected.
Look = Callable[[str], Sequence[Standing]]


def choose(branches: Sequence[Branch], look: Look, draw: float) -> Branch | None:
    """By the shares; what can't be served where it belongs goes to the others, so that no request is lost. None where
    no branch has a share. `draw` is of [0, 1)."""
    able = [branch for branch in branches if branch.percent and _may_run(look(branch.policy.deployment_id))]
    sound = [branch for branch in able if not _is_down(look(branch.policy.deployment_id))]
    return pick_share(sound or able or branches, draw)


def named(branches: Iterable[Branch], deployment_id: str, revision: int) -> Branch:
    """The one that a request asks for. Raises NOT_FOUND naming those that run."""
    found = {branch.revision: branch for branch in branches}
    if revision not in found:
        raise not_running(deployment_id, revision, found)
    return found[revision]


def others(branches: Iterable[Branch], look: Look, tried: Collection[str], served_model_name: str) -> Iterator[Branch]:
    """Where a request may go that its own branch can't take. A body that names the model fits only who is served by
    the same name."""
    for branch in branches:
        policy = branch.policy
        fits = policy.deployment_id not in tried and policy.served_model_name == served_model_name
        if branch.percent and fits and _may_run(look(policy.deployment_id)):
            yield branch


def not_running(deployment_id: str, revision: int, running: Iterable[int]) -> HomeportError:
    listed = " and ".join(map(str, sorted(running))) or "none"
    return HomeportError(
        ErrorCode.NOT_FOUND,
        f"revision {revision} of deployment {deployment_id} does not run; what runs: {listed}",
        hint="leave X-Homeport-Revision out, or give it a share of 0 % at least: "
        f"homeport deployment split {deployment_id} --revision {revision} --percent 0",
    )


def _may_run(standings: Sequence[Standing]) -> bool:
    return any(standing.max_replicas > 0 for standing in standings)


def _is_down(standings: Sequence[Standing]) -> bool:
    """It should run without anybody asking, and does not."""
    should = any(standing.min_replicas > 0 for standing in standings)
    return should and not any(standing.ready_replicas for standing in standings)

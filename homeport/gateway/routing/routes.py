"""Which deployment a request is for. The table is filled by the control plane; requests only read it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import islice

from homeport.core.errors import ErrorCode, HomeportError
from homeport.core.names import did_you_mean
from homeport.core.policy import Policy
from homeport.core.residency import is_inside


@dataclass(frozen=True, slots=True)
class RevisionRoute:
    """One of several revisions that run side by side. `track` is what nodes know it as; `percent` of the requests."""

    track: str
    revision: int
    percent: int
    placements: dict[str, tuple[int, int, int]] = field(default_factory=dict)
    concurrency: int = 32
    served_model_name: str = ""


@dataclass(frozen=True, slots=True)
class RoutePolicy:
    """`placements`: node id to (rank, min replicas, max replicas); with `revisions` those of the track that has the
    deployment's own id. `created_at`: unix seconds, 0 = not known. `sites`:
    of each of these nodes the labels of its cluster, where the policy has a residency to hold against them."""

    deployment_id: str
    model_id: str
    served_model_name: str = ""
    is_default_of_model: bool = False
    placements: dict[str, tuple[int, int, int]] = field(default_factory=dict)
    concurrency: int = 32
    policy: Policy = field(default_factory=Policy)
    revision: int = 1
    created_at: float = 0.0
    project: str = ""
    nodepools: tuple[str, ...] = ()
    sites: dict[str, dict[str, str]] = field(default_factory=dict)
    revisions: tuple[RevisionRoute, ...] = ()

    def may_serve(self, node_id: str) -> bool:
        """No request crosses a fence, whatever is placed beyond it."""
        residency = self.policy.residency
        return not residency or is_inside(residency, self.sites.get(node_id, {}))


@dataclass(frozen=True, slots=True)
class Branch:
    """A revision with its part of the requests. `policy` is its track's: as if it were a deployment of its own. `line`
    tells the client."""

    percent: int
    policy: RoutePolicy
    line: bytes

    @property
    def revision(self) -> int:
        return self.policy.revision


def branches_of(policy: RoutePolicy) -> tuple[Branch, ...]:
    """By revision, so that a client who sticks to a part of [0, 1) moves as little as the shares do."""
    return tuple(
        Branch(
            each.percent,
            replace(
                policy,
                deployment_id=each.track,
                revision=each.revision,
                placements=each.placements,
                concurrency=each.concurrency,
                served_model_name=each.served_model_name,
                revisions=(),
            ),
            b"x-homeport-revision: %d\r\n" % each.revision,
        )
        for each in sorted(policy.revisions, key=lambda each: each.revision)
    )


# In an error.
_LISTED = 20

# Whether a caller may know of a deployment.
Sees = Callable[[RoutePolicy], bool]


def everything(policy: RoutePolicy) -> bool:
    return True


class PolicyTable:
    """All deployments that this gateway serves."""

    def __init__(self) -> None:
        self._policies: dict[str, RoutePolicy] = {}
        # Of deployments with revisions side by side.
        self._branches: dict[str, tuple[Branch, ...]] = {}
        self._tracks: dict[str, RoutePolicy] = {}
        self._by_model: dict[str, dict[str, RoutePolicy]] = {}
        # Called with the id of a deployment that was put or removed.
        self.on_change: Callable[[str], None] | None = None

    def __iter__(self) -> Iterator[RoutePolicy]:
        return iter(list(self._policies.values()))

    def __len__(self) -> int:
        return len(self._policies)

    def get(self, deployment_id: str) -> RoutePolicy | None:
        """Or that of a track."""
        return self._policies.get(deployment_id) or self._tracks.get(deployment_id)

    def branches(self, deployment_id: str) -> tuple[Branch, ...]:
        return self._branches.get(deployment_id, ())

    def put(self, policy: RoutePolicy) -> None:
        self._unlist(policy.deployment_id)
        self._policies[policy.deployment_id] = policy
        self._by_model.setdefault(policy.model_id, {})[policy.deployment_id] = policy
        if policy.revisions:
            branches = self._branches[policy.deployment_id] = branches_of(policy)
            self._tracks.update({branch.policy.deployment_id: branch.policy for branch in branches})
        self._changed(policy.deployment_id)

    def remove(self, deployment_id: str) -> None:
        self._unlist(deployment_id)
        if self._policies.pop(deployment_id, None) is not None:
            self._changed(deployment_id)

    def by_deployment(self, deployment_id: str, sees: Sees = everything) -> RoutePolicy:
        """Raises HomeportError(NOT_FOUND) with near matches."""
        policy = self._policies.get(deployment_id)
        if policy is None or not sees(policy):
            raise HomeportError(
                ErrorCode.NOT_FOUND,
                f"there is no deployment {deployment_id!r}",
                hint=did_you_mean(deployment_id, self._names(sees), "GET /v1/models lists them"),
            )
        return policy

    def by_model(self, name: str, sees: Sees = everything) -> RoutePolicy:
        """`name` is a deployment's id, or a model's that leads to one deployment that is seen.

        Raises HomeportError: NOT_FOUND with near matches, CONFLICT naming the deployments to choose from.
        """
        policy = self._policies.get(name)
        if policy is not None and sees(policy):
            return policy
        serving = {id: each for id, each in self._by_model.get(name, {}).items() if sees(each)}
        if not serving:
            raise HomeportError(
                ErrorCode.NOT_FOUND,
                f"there is no model {name!r}",
                hint=did_you_mean(name, self._names(sees), "GET /v1/models lists them"),
                path="model",
            )
        if len(serving) == 1:
            return next(iter(serving.values()))
        defaults = [policy for policy in serving.values() if policy.is_default_of_model]
        if len(defaults) == 1:
            return defaults[0]
        raise HomeportError(
            ErrorCode.CONFLICT,
            f"model {name!r} is served by several deployments: {', '.join(sorted(serving))}",
            hint="name one of them in `model`, or set the model's default_deployment",
            path="model",
        )

    def only(self, may: Sees) -> RoutePolicy:
        """Where nothing names one: the only one that the caller may invoke.

        Raises HomeportError: NOT_FOUND where there is none, CONFLICT naming those to choose from.
        """
        # No more of them than an error names: there may be thousands.
        found = list(islice(filter(may, self._policies.values()), _LISTED + 1))
        if len(found) == 1:
            return found[0]
        names = sorted(policy.deployment_id for policy in found[:_LISTED])
        if not names:
            raise HomeportError(
                ErrorCode.NOT_FOUND,
                "there is no deployment that this token may invoke",
                hint="GET /v1/models lists those that it may",
            )
        more = " and more" if len(found) > _LISTED else ""
        raise HomeportError(
            ErrorCode.CONFLICT,
            f"nothing in the request names a deployment, and there are several: {', '.join(names)}{more}",
            hint="name one as `model`, in the X-Homeport-Deployment header, or in the path /d/{deployment}/",
            path="model",
        )

    def _names(self, sees: Sees) -> set[str]:
        return {name for each in self._policies.values() if sees(each) for name in (each.deployment_id, each.model_id)}

    def _unlist(self, deployment_id: str) -> None:
        old = self._policies.get(deployment_id)
        if old is not None:
            for branch in self._branches.pop(deployment_id, ()):
                del self._tracks[branch.policy.deployment_id]
            serving = self._by_model[old.model_id]
            serving.pop(deployment_id, None)
            if not serving:
                del self._by_model[old.model_id]

    def _changed(self, deployment_id: str) -> None:
        if self.on_change is not None:
            self.on_change(deployment_id)

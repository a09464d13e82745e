"""How a deployment's requests are divided among its revisions: by hand, one edit each.

Each raises NOT_FOUND, CONFLICT where there is nothing to do it with, and what accepting the edited spec raises.
"""

from collections.abc import Sequence

from controlplane.fleet.accept import Accepted
from controlplane.fleet.deployment_verbs import edit_deployment, find_deployment
from controlplane.fleet.revisions import known_revision
from controlplane.fleet.tracks import wanted_shares
from controlplane.store.store import Transaction
from homeport.core.errors import ErrorCode, HomeportError
from homeport.core.rollout.share import Share, with_share
from homeport.schema.edits import RevisionRequest, SplitRequest


def split_deployment(tx: Transaction, deployment_id: str, wanted: SplitRequest) -> Accepted:
    """To the shares that are listed, none = all to the newest; or one revision's share, and the others keep to each
    other what they had."""
    if wanted.traffic_split is not None:
        shares = [share.model_dump() for share in wanted.traffic_split]
        return edit_deployment(tx, deployment_id, {"traffic_split": shares})
    deployment = find_deployment(tx, deployment_id)
    shares_now = wanted_shares(deployment)
    revision, percent = wanted.revision or 0, wanted.percent or 0
    known_revision(tx, deployment, revision, "revision")
    shares_then = with_share(shares_now, revision, percent)
    if shares_then is None:
        rest = f"{revision}={percent} N={100 - percent}"
        raise HomeportError(
            ErrorCode.CONFLICT,
            f"all requests of deployment {deployment_id} go to revision {revision}: nobody is there for the rest",
            hint=f"say which revision gets it: homeport deployment split {deployment_id} {rest}",
        )
    return _to(tx, deployment_id, shares_then)


def promote(tx: Transaction, deployment_id: str, wanted: RevisionRequest) -> Accepted:
    """All to one revision, the newest if none is named. Later edits make revisions that get nothing until they are
    given a share."""
    deployment = find_deployment(tx, deployment_id)
    revision = wanted.revision or int(deployment.status["revision"])
    known_revision(tx, deployment, revision, "revision")
    return _to(tx, deployment_id, (Share(revision, 100),))


def rollback(tx: Transaction, deployment_id: str, wanted: RevisionRequest) -> Accepted:
    """All to the revision before the newest that has requests: of those that run beside it, else of all."""
    deployment = find_deployment(tx, deployment_id)
    shares = wanted_shares(deployment)
    newest = max(share.revision for share in shares if share.percent)
    beside = [share.revision for share in shares if share.revision < newest]
    revision = wanted.revision or max(beside, default=newest - 1)
    if revision < 1:
        raise HomeportError(
            ErrorCode.CONFLICT,
            f"deployment {deployment_id} has no revision before {newest} to go back to",
            hint=f"see them: homeport deployment revisions {deployment_id}",
        )
    known_revision(tx, deployment, revision, "revision")
    return _to(tx, deployment_id, (Share(revision, 100),))


def _to(tx: Transaction, deployment_id: str, shares: Sequence[Share]) -> Accepted:
    plain = [{"revision": share.revision, "percent": share.percent} for share in shares]
    return edit_deployment(tx, deployment_id, {"traffic_split": plain})

from typing import Annotated

from pydantic import AfterValidator, Field

from homeport.schema.answer import Answer
from homeport.schema.base import ApiModel, live


class TrafficShare(ApiModel):
    revision: int = live(ge=1)
    percent: int = live(ge=0, le=100)
    """Of the requests. 0: it runs, and serves those that name it: `X-Homeport-Revision`."""


def _adds_up(shares: list[TrafficShare]) -> list[TrafficShare]:
    revisions = [share.revision for share in shares]
    twice = next((revision for revision in revisions if revisions.count(revision) > 1), None)
    if twice is not None:
        raise ValueError(f"revision {twice} is listed twice: give its percent once")
    total = sum(share.percent for share in shares)
    if shares and total != 100:
        raise ValueError(f"the percents add up to {total}: all requests are 100")
    return shares


TrafficSplit = Annotated[list[TrafficShare], Field(max_length=10), AfterValidator(_adds_up)]


class RevisionState(Answer):
    """A revision that requests go to, or that is to have some."""

    revision: int
    percent: int
    """Of the requests, now."""
    wanted: int
    """What it is to have."""
    ready: int
    """Replicas that take requests."""
    waits_for: int = 0
    """So many replicas must be ready before it gets more requests; 0 = it waits for nothing."""

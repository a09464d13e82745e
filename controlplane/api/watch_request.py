"""What a watcher asks for."""

from typing import Annotated

from pydantic import AfterValidator, Field

from controlplane.api.routing import Query
from controlplane.views.views import TOPICS
from homeport.core.names import did_you_mean
from homeport.schema.base import ApiModel


def _check_topic(text: str) -> str:
    if text not in TOPICS:
        known = ", ".join(TOPICS)
        raise ValueError(f"{text!r} is not a topic: {did_you_mean(text, TOPICS, f'use {known}')}")
    return text


Topic = Annotated[str, AfterValidator(_check_topic), Field(json_schema_extra={"enum": list(TOPICS)})]


class WatchRequest(ApiModel):
    """The first message of a client."""

    topics: list[Topic] = Field(min_length=1, max_length=len(TOPICS))
    since: int | None = Field(default=None, ge=0)
    """The `seq` of the newest message; null = everything first."""
    store_id: str | None = Field(default=None, max_length=100)
    """As that message said it."""


class EventsQuery(Query):
    topics: str = Field(max_length=1000)
    """Separated by commas: deployments, nodes, replicas, ..."""
    since: str | None = Field(default=None, max_length=200)
    """The id of the newest event; left out = everything first. A `Last-Event-ID` header goes before it."""


def request_of(topics: str, since: str | None) -> dict[str, object]:
    """As a client of the WebSocket would send it. An event's id is `seq:store_id`."""
    seq, _, store_id = (since or "").partition(":")
    return {
        "topics": topics.split(","),
        "since": int(seq) if seq.isdecimal() and seq.isascii() else seq or None,
        "store_id": store_id or None,
    }

"""What one watcher is told: everything first, then the newest state of whatever has changed.

Nothing is queued for a watcher: it is a moment in the order of changes. One that is slow costs no memory, and hears of
each object's newest state only.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass

from controlplane.views.sight import Sight
from controlplane.views.topic import Stamp, Topic
from controlplane.views.views import Views

# Characters after which a message ends and another one begins.
PORTION = 128 * 1024


@dataclass(frozen=True, slots=True)
class Message:
    """`text` is JSON. `seq`: whoever has this message and all before it may go on from there; None = from nowhere."""

    type: str
    text: str
    seq: int | None = None


class Subscription:
    """`since`: the seq of the store `since_store` up to which the watcher knows everything; None = it knows nothing.
    `sight` is what it may see."""

    def __init__(
        self, views: Views, store_id: str, topics: Sequence[str], since: int | None, since_store: str, sight: Sight
    ) -> None:
        self._views = views
        self._store_id = store_id
        self._topics = [views.topics[name] for name in dict.fromkeys(topics)]
        # All that was said while the store was at `since` may have been said after the watcher's last message.
        self._moment: Stamp | None = None if since is None else (since, -1)
        self._is_foreign = since is not None and since_store != store_id
        self._since_store = since_store
        self._sight = sight

    async def news(self) -> AsyncIterator[Message]:
        """What the watcher does not know: it is to be asked again after each change of the views."""
        reason = self._why_not_from_here()
        if reason:
            yield Message("resync", json.dumps({"type": "resync", "reason": reason}))
        messages = self._snapshots() if reason or self._moment is None else self._deltas(self._moment)
        moment = self._views.moment
        for message in messages:
            yield message
            await asyncio.sleep(0)
        self._moment, self._is_foreign = moment, False

    def _why_not_from_here(self) -> str:
        """Why the watcher must hear everything again; empty = it need not."""
        if self._moment is None:
            return ""
        if self._is_foreign and not self._since_store:
            return "what you may see has changed"
        if self._is_foreign:
            return "this server has another store than the one that was watched"
        seq, resumed = self._moment[0], self._moment[1] < 0
        if resumed and not all(self._sight.sees_all(topic) for topic in self._topics):
            return "you do not see all that there is, and what you saw last is not known"
        if seq > self._views.seq:
            return f"this server is at {self._views.seq} and knows nothing of {seq}"
        if resumed and seq <= self._views.loaded_seq:
            return f"this server has started at {self._views.loaded_seq} and knows nothing of what was said before"
        if any(self._moment < topic.floor for topic in self._topics):
            return f"too much was deleted since {seq} to know all of it"
        return ""

    def _snapshots(self) -> Iterator[Message]:
        seq = self._views.seq
        for topic in self._topics:
            is_last = topic is self._topics[-1]
            for texts, more in _portions(self._texts(topic)):
                head = {"type": "snapshot", "topic": topic.name, "seq": seq, "store_id": self._store_id, "more": more}
                yield Message("snapshot", _with(head, "items", texts), None if more or not is_last else seq)

    def _deltas(self, moment: Stamp) -> Iterator[Message]:
        seq = self._views.seq
        changed = [(topic, topic.after(moment)) for topic in self._topics]
        changes = (text for topic, ids in changed for text in self._changes(topic, ids))
        for texts, more in _portions(changes):
            if texts:
                # With a part of them the watcher is no further than before.
                reached = moment[0] if more else seq
                head = {"type": "delta", "seq": reached, "store_id": self._store_id}
                yield Message("delta", _with(head, "changes", texts), reached)

    def _texts(self, topic: Topic) -> Iterator[str]:
        """What was deleted meanwhile is passed over: a delta says so."""
        self._sight.forget(topic)
        for id in topic.ids():
            item = topic.get(id)
            if item is not None and self._sight.change(topic, id, item) == "put":
                yield item.text()

    def _changes(self, topic: Topic, ids: Sequence[str]) -> Iterator[str]:
        """What has come into sight is put, what has gone out of it is deleted, the rest is not spoken of."""
        for id in ids:
            item = topic.get(id)
            op = self._sight.change(topic, id, item)
            if op:
                head = {"op": op, "kind": topic.kind, "id": id}
                text = item.text() if item is not None and op == "put" else "null"
                yield f'{json.dumps(head)[:-1]}, "object": {text}}}'


def _portions(texts: Iterator[str]) -> Iterator[tuple[list[str], bool]]:
    """(texts, whether more follow); at least one portion, which may be empty."""
    portion: list[str] = []
    size = 0
    for text in texts:
        if size + len(text) > PORTION and portion:
            yield portion, True
            portion, size = [], 0
        portion.append(text)
        size += len(text)
    yield portion, False


def _with(head: dict[str, object], name: str, texts: Sequence[str]) -> str:
    return f'{json.dumps(head)[:-1]}, "{name}": [{", ".join(texts)}]}}'

"""What one watcher may see, and what it has been shown of that."""

from collections import defaultdict
from typing import Literal

from controlplane.auth.guard import Guard
from controlplane.auth.places import TO_SEE
from controlplane.store.store import Store
from controlplane.views.topic import Item, Topic


class Sight:
    """Costs nothing for those who see everything; of others it remembers which objects they have been shown."""

    def __init__(self, store: Store, guard: Guard) -> None:
        self._store = store
        self._guard = guard
        self._shown: defaultdict[str, set[str]] = defaultdict(set)

    def sees_all(self, topic: Topic) -> bool:
        return self._guard.principal.grants.holds_everywhere(TO_SEE[topic.kind])

    def change(self, topic: Topic, id: str, item: Item | None) -> Literal["put", "delete", ""]:
        """What the watcher is to be told of an object that looks otherwise now; None = it is gone."""
        if self.sees_all(topic):
            return "delete" if item is None else "put"
        shown = self._shown[topic.kind]
        if item is not None and self._guard.sees(self._store, topic.kind, id, item.object):
            shown.add(id)
            return "put"
        if id in shown:
            shown.discard(id)
            return "delete"
        return ""

    def forget(self, topic: Topic) -> None:
        """Everything is shown anew."""
        self._shown[topic.kind].clear()

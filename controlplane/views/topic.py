"""All objects of one kind as the API shows them, by id and by when each changed last."""

import json
from bisect import bisect_left, insort
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Any

# (the store's seq, a count that goes up by one with each change): a moment in the order of changes.
Stamp = tuple[int, int]

# How many deleted objects are remembered, so that whoever was away for a while hears of them.
KEEP_GONE = 20_000


class Item:
    """One object. `object` must never be changed in place."""

    __slots__ = ("_text", "id", "object")

    def __init__(self, id: str, object: dict[str, Any]) -> None:
        self.id = id
        self.object = object
        self._text = ""

    def text(self) -> str:
        """As JSON, made once: pages and watchers share it."""
        if not self._text:
            self._text = json.dumps(self.object)
        return self._text


class MomentaryItem(Item):
    """An object of which a part is only true at the moment of asking. `object` is the rest, which alone is compared."""

    __slots__ = ("_now",)

    def __init__(self, id: str, object: dict[str, Any], now: Callable[[], dict[str, Any]]) -> None:
        super().__init__(id, object)
        self._now = now

    def text(self) -> str:
        return json.dumps(self._now())


class Topic:
    """`name` is that of the topic, `kind` that of each object. `floor` is the oldest moment from which all changes
    since are known."""

    def __init__(self, name: str, kind: str, keep_gone: int = KEEP_GONE) -> None:
        self.name = name
        self.kind = kind
        self.floor: Stamp = (-1, -1)
        self._items: dict[str, Item] = {}
        self._ids: list[str] = []
        self._keep_gone = keep_gone
        # Oldest change first; an object stands once, at its last one.
        self._changed: OrderedDict[str, Stamp] = OrderedDict()
        self._gone: OrderedDict[str, Stamp] = OrderedDict()

    def __len__(self) -> int:
        return len(self._items)

    def get(self, id: str) -> Item | None:
        return self._items.get(id)

    def ids(self) -> list[str]:
        """Sorted. The list is the caller's own."""
        return list(self._ids)

    def items(self, after: str = "") -> list[Item]:
        """By id, those above `after`. The list is the caller's own."""
        first = bisect_left(self._ids, after + "\0") if after else 0
        return [self._items[id] for id in self._ids[first:]]

    def put(self, item: Item, stamp: Stamp) -> bool:
        """Whether it looks otherwise than before."""
        old = self._items.get(item.id)
        if old is not None and old.object == item.object:
            return False
        if old is None:
            insort(self._ids, item.id)
            self._gone.pop(item.id, None)
        self._items[item.id] = item
        self._note(item.id, stamp)
        return True

    def drop(self, id: str, stamp: Stamp) -> bool:
        """Whether it was there."""
        if self._items.pop(id, None) is None:
            return False
        del self._ids[bisect_left(self._ids, id)]
        self._note(id, stamp)
        self._gone[id] = stamp
        if len(self._gone) > self._keep_gone:
            oldest, self.floor = self._gone.popitem(last=False)
            del self._changed[oldest]
        return True

    def after(self, moment: Stamp) -> list[str]:
        """Ids of what has changed since, the oldest change first; `get` gives None for what is gone."""
        found = list(self._newer(moment))
        found.reverse()
        return found

    def _newer(self, moment: Stamp) -> Iterator[str]:
        for id, stamp in reversed(self._changed.items()):
            if stamp <= moment:
                return
            yield id

    def _note(self, id: str, stamp: Stamp) -> None:
        self._changed[id] = stamp
        self._changed.move_to_end(id)

"""The store as those see it who write for somebody: each of their transactions says who has changed what."""

from collections.abc import Callable, Iterator
from typing import TypeVar

from controlplane.audit.actor import Actor, current_actor
from controlplane.audit.shown import sides
from controlplane.store.audit import AuditEntry, Result
from controlplane.store.passing import PassingStore
from controlplane.store.store import Difference, Kind, Transaction

T = TypeVar("T")

# The scheduler's own, which follows from what is audited.
_DERIVED = frozenset({Kind.PLACEMENT})


class AuditedStore(PassingStore):
    """A dry run, and a write that fails, leave nothing behind here either."""

    async def write(self, change: Callable[[Transaction], T]) -> T:
        actor = current_actor()
        if actor is None:
            return await super().write(change)

        def audited(tx: Transaction) -> T:
            result = change(tx)
            for entry in _entries(actor, tx.differences()):
                tx.audit(entry)
            return result

        return await super().write(audited)


def _entries(actor: Actor, differences: list[Difference]) -> Iterator[AuditEntry]:
    for each in differences:
        if each.kind in _DERIVED:
            continue
        action = "create" if each.before is None else "delete" if each.after is None else "edit"
        before, after = sides(each.kind, each.before, each.after)
        details = {"request": actor.request, "before": before, "after": after}
        who = (actor.subject, actor.token_id, actor.address, actor.request_id)
        yield AuditEntry(*who, action, each.kind.value, each.id, Result.DONE, details)

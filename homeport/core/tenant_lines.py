"""Who waits, a line for each tenant: nobody waits behind the whole flood of another, nor is pushed out by it."""

from collections.abc import Iterable, Iterator
from typing import Generic, TypeVar

T = TypeVar("T")


class TenantLines(Generic[T]):
    """Each tenant's own go in the order in which they came."""

    def __init__(self) -> None:
        self._tenants: dict[T, str] = {}
        # The tenant whose turn it is comes first.
        self._lines: dict[str, dict[T, None]] = {}

    def __len__(self) -> int:
        return len(self._tenants)

    def __contains__(self, waiter: object) -> bool:
        return waiter in self._tenants

    @property
    def tenants(self) -> Iterable[str]:
        """Those that have somebody here; whose turn it is first."""
        return self._lines.keys()

    def put(self, waiter: T, tenant: str) -> None:
        self._tenants[waiter] = tenant
        self._lines.setdefault(tenant, {})[waiter] = None

    def leave(self, waiter: T) -> bool:
        """False when it does not wait here."""
        tenant = self._tenants.pop(waiter, None)
        if tenant is None:
            return False
        line = self._lines[tenant]
        del line[waiter]
        if not line:
            del self._lines[tenant]
        return True

    def pop(self) -> T | None:
        """The oldest of the tenant whose turn it is."""
        return self.pop_of(next(iter(self._lines))) if self._lines else None

    def pop_of(self, tenant: str) -> T:
        """The oldest of a tenant that has somebody here; it is the others' turn then."""
        line = self._lines[tenant]
        waiter = next(iter(line))
        self.leave(waiter)
        if line:
            self._lines[tenant] = self._lines.pop(tenant)
        return waiter

    def give_way(self, tenant: str) -> T | None:
        """Who leaves full lines for one more of `tenant`: the newest of whoever has most waiting. None where that one
        would have no more than `tenant` then."""
        longest = max(self._lines.values(), key=len, default={})
        if len(longest) <= len(self._lines.get(tenant, ())) + 1:
            return None
        waiter = next(reversed(longest))
        self.leave(waiter)
        return waiter

    def firsts(self) -> Iterator[T]:
        """The oldest of each tenant."""
        return (next(iter(line)) for line in self._lines.values())

    def in_turn(self) -> Iterator[T]:
        """All, as they would go out one after the other."""
        lines = [list(line) for line in self._lines.values()]
        for turn in range(max(map(len, lines), default=0)):
            yield from (line[turn] for line in lines if turn < len(line))

"""A store whose next writes fail: to see what the rest of the program does when the disk is full."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from controlplane.store.history import NodeHistory
from controlplane.store.passing import PassingStore
from controlplane.store.store import Problem, Store, Transaction
from homeport.core.errors import HomeportError

T = TypeVar("T")


class FailingStore(PassingStore):
    """Passes everything on to `inner`, which must not be used beside it."""

    def __init__(self, inner: Store) -> None:
        super().__init__(inner)
        self._error: HomeportError | None = None
        self._left = 0

    def fail_next(self, error: HomeportError, writes: int = 1) -> None:
        """The next `writes` writes raise `error` and change nothing. 0 = mended."""
        self._error = error
        self._left = writes

    @property
    def problem(self) -> Problem | None:
        return Problem(self._error, 0.0) if self._left and self._error else super().problem

    async def write(self, change: Callable[[Transaction], T]) -> T:
        self._fail()
        return await super().write(change)

    async def keep_history(self, told: Sequence[NodeHistory]) -> None:
        self._fail()
        await super().keep_history(told)

    def _fail(self) -> None:
        if self._left and self._error:
            self._left -= 1
            raise self._error

"""What the garbage collector need not look at."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

# Objects that were made since the collector's last look.
_THRESHOLD = 20_000


@contextmanager
def loading() -> Iterator[None]:
    """What a program loads is no garbage, and looking for some takes a sixth of its start."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def settle() -> None:
    """What a fleet needs stays: a look at all of it would hold the event loop for a second, again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_THRESHOLD, 20, 20)

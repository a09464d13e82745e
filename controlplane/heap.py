"""What the garbage collector need not look at."""

import gc

# Objects that were made since the collector's last look.
_THRESHOLD = 20_000


def settle() -> None:
    """What a fleet needs stays: a look at all of it would hold the event loop for a second, again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_THRESHOLD, 20, 20)

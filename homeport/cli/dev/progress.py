"""Step by step, with the time that each step took."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager


class Progress:
    """Times are seconds since the start."""

    def __init__(self) -> None:
        self._started = time.monotonic()

    def elapsed(self) -> float:
        return time.monotonic() - self._started

    @contextmanager
    def step(self, text: str) -> Iterator["Step"]:
        """On a terminal the step is named while it runs; its line is finished by its outcome and time."""
        began = time.monotonic()
        step = Step()
        if sys.stdout.isatty():
            print(f"  {text} ...", end="", flush=True)
        try:
            yield step
        except BaseException:
            step.outcome = "failed"
            raise
        finally:
            named = f"{text}: {step.outcome}" if step.outcome else text
            clear = "\r\x1b[K" if sys.stdout.isatty() else ""
            print(f"{clear}  {named:<64} {time.monotonic() - began:6.2f} s", flush=True)


class Step:
    """`outcome` is shown when the step is done."""

    outcome: str = ""

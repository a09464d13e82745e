"""Clients that ask again and again while a test does something to whom they ask."""

import threading
from typing import Self

from tests.system.site import Site

PATIENCE = 120.0


class Load:
    """Runs for as long as its block; a subclass says what each of the `count` clients asks. What got no answer is in
    `lost`."""

    def __init__(self, site: Site, count: int) -> None:
        self.answered = 0
        self.lost: list[str] = []
        self._site = site
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._ask_on, args=(number,)) for number in range(count)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(PATIENCE)

    def until_more(self, count: int) -> None:
        goal = self.answered + count
        self._site.until(lambda: self.answered >= goal or self.lost, "more answers", PATIENCE)

    def _ask_on(self, number: int) -> None:
        """Until `_over` is set."""
        raise NotImplementedError

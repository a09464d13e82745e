"""A control plane, a gateway and an agent as processes of their own, and deployments that go to zero between starts."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from agent.local_api.local_api import ask
from tests.system.site import Site

_GONE_SECONDS = 60.0
_READY_SECONDS = 120.0
_PLACES: list[dict[str, Any]] = [
    {"compute_cluster": {"id": "home"}},
    {"nodepool": {"id": "default", "compute_cluster": {"id": "home"}}},
]


class Stage(Site):
    """`start(documents)` brings everything up with one deployment, `bench`, that nothing runs of yet."""

    def start(self, version: dict[str, Any], *agent_flags: str) -> None:
        self.start_server()
        model: dict[str, Any] = {"model": {"id": "bench"}}
        deployment = {
            "id": "bench",
            "worker": {"model": {"id": "bench"}},
            "nodepools": [{"id": "default", "compute_cluster": {"id": "home"}}],
            "autoscale_config": {"min_replicas": 0, "max_replicas": 1, "scale_to_zero_delay_seconds": 1},
            "hold_seconds": 60,
        }
        made = {"model_version": {"id": "v1", "model": {"id": "bench"}, **version}}
        self.api("POST", "/apply", {"documents": [*_PLACES, model, made, {"deployment": deployment}]})
        joined = self.join(self.new_join_token())
        assert joined.returncode == 0, joined.stderr
        self.start_agent(*agent_flags)
        self.until(self._is_placed, "a budget of the node", _READY_SECONDS)

    def until_nothing_runs(self) -> None:
        self.until(lambda: not self.agent_status()["replicas"], "scale to zero", _GONE_SECONDS)

    def agent_status(self) -> dict[str, Any]:
        return ask(self.folder / "agent" / "agent.sock", "status")

    def first_answer(self, path: str, body: bytes | None = None) -> float:
        """Seconds until the first line of an answer is here."""
        began = time.perf_counter()
        with self.open(f"/d/bench{path}", body) as stream:
            stream.readline()
            seconds = time.perf_counter() - began
            stream.read()
        return seconds

    def starts(self) -> list[dict[str, Any]]:
        """As the control plane knows them, the oldest first."""
        return list(reversed(self.every("/deployments/bench/cold-starts")))

    def until_told(self, count: int) -> list[dict[str, Any]]:
        self.until(lambda: len(self.starts()) >= count, f"{count} starts told", 90.0)
        return self.starts()

    def _is_placed(self) -> bool:
        found = self.api("GET", "/placements?deployment=bench")["items"]
        return bool(found) and self.agent_status()["desired"]["seq"] >= found[0]["seq"]


@contextmanager
def stage(folder: Path) -> Iterator[Stage]:
    made = Stage(folder)
    with made:
        yield made


def percentile(values: list[float], percent: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]

"""From single probe results to alive or not. Pure."""

from dataclasses import dataclass

from homeport.core.workload import Probe


@dataclass(frozen=True, slots=True)
class Liveness:
    """Of one life of a replica, from the moment when it was ready first: until then its start deadlines count."""

    failures: int = 0
    problem: str = ""

    def after(self, problem: str) -> "Liveness":
        """`problem` is empty after a success."""
        return Liveness(self.failures + 1, problem) if problem else Liveness()

    def verdict(self, probe: Probe) -> str:
        """Why it must be restarted; empty while it may live."""
        if self.failures < probe.failure_threshold:
            return ""
        times = f", {self.failures} times in a row" if self.failures > 1 else ""
        return f"not alive: {self.problem}{times}"

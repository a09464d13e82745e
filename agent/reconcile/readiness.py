"""From single probe results to ready or not. Pure."""

from dataclasses import dataclass

from homeport.core.workload import Probe, ProbeKind

# Seconds between two questions to one that starts, and the growth from one to the next: a start is seen a twelfth later
# than it was over, at most. A command costs more than a question, and is asked less.
_PACE = {
    ProbeKind.EXEC: (0.02, 1.5),
    ProbeKind.HTTP: (0.005, 1.08),
    ProbeKind.TCP: (0.005, 1.08),
    ProbeKind.GRPC: (0.01, 1.2),
}
_MOST_STEPS = 200
# One that has answered this often in a row is looked at less: its end is seen at once anyway, and requests tell more
# than a probe does. After a failure the probe's own interval counts again.
_STEADY_AFTER = 10
_STEADY_FACTOR = 5


@dataclass(frozen=True, slots=True)
class Readiness:
    """Of one life of a replica."""

    ready: bool = False
    failures: int = 0
    successes: int = 0
    probes: int = 0

    def after(self, probe: Probe, succeeded: bool) -> "Readiness":
        """One success makes ready; `failure_threshold` failures in a row make it not ready."""
        failures = 0 if succeeded else self.failures + 1
        successes = self.successes + 1 if succeeded else 0
        ready = succeeded or (self.ready and failures < probe.failure_threshold)
        return Readiness(ready, failures, successes, self.probes + 1)

    def next_delay(self, probe: Probe) -> float:
        """Often at first, so that a quick start is seen at once; then at the probe's interval; seldom once steady."""
        if self.ready:
            return probe.interval_seconds * (_STEADY_FACTOR if self.successes >= _STEADY_AFTER else 1)
        first, growth = _PACE[probe.kind]
        return float(min(probe.interval_seconds, first * growth ** min(self.probes, _MOST_STEPS)))

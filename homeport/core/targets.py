"""What each ready replica of a deployment should be kept at."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MetricTarget:
    """A figure of the model's own page in Prometheus format. `aggregate` says how the series of one page become one
    number: sum, average, max, or rate, the growth of their sum per second."""

    name: str
    target: float
    aggregate: str = "sum"


@dataclass(frozen=True, slots=True)
class Targets:
    """None = not looked at. Percentages are of what the replica asked for; of the host where it asked for nothing, and
    of its GPUs as wholes. `metrics_port` 0 = where the replica answers requests."""

    concurrency: float | None = None
    requests_per_second: float | None = None
    tokens_per_second: float | None = None
    queue_seconds: float | None = None
    cpu_percent: float | None = None
    memory_percent: float | None = None
    gpu_percent: float | None = None
    gpu_memory_percent: float | None = None
    metrics: tuple[MetricTarget, ...] = ()
    metrics_path: str = "/metrics"
    metrics_port: int = 0

    @property
    def of_use(self) -> dict[str, float]:
        """Those that say how hard a replica works, by name."""
        given = {
            "cpu_percent": self.cpu_percent,
            "memory_percent": self.memory_percent,
            "gpu_percent": self.gpu_percent,
            "gpu_memory_percent": self.gpu_memory_percent,
        }
        return {name: target for name, target in given.items() if target is not None}

    @property
    def of_gpus(self) -> bool:
        return self.gpu_percent is not None or self.gpu_memory_percent is not None

    @property
    def need_looks(self) -> bool:
        """Whether anything has to be watched for them beside the requests of the moment."""
        return self != Targets(
            concurrency=self.concurrency, metrics_path=self.metrics_path, metrics_port=self.metrics_port
        )

    @property
    def ask_replicas(self) -> bool:
        """Whether replicas have to be looked at for them."""
        return bool(self.of_use or self.metrics)

"""A page in Prometheus' text format."""

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.registry import Collector

from homeport.metrics.families import Metric

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def page_of(families: Iterable[Metric]) -> bytes:
    """Family by family: making or freeing all of a large page at once would hold up the event loop, thread or not."""
    return b"".join(map(_rendered, families))


def _rendered(family: Metric) -> bytes:
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collector(family))
    return generate_latest(registry)


class _Collector(Collector):
    def __init__(self, family: Metric) -> None:
        self._family = family

    def collect(self) -> Iterable[Metric]:
        return (self._family,)

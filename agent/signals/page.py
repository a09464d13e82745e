"""A page in Prometheus format, of which a few metrics matter."""

from collections.abc import Callable, Iterable, Mapping
from math import isfinite
from statistics import fmean

from homeport.core.targets import MetricTarget

_JOIN: Mapping[str, Callable[[list[float]], float]] = {"sum": sum, "rate": sum, "max": max, "average": fmean}


def read_page(page: str, wanted: Iterable[MetricTarget]) -> Mapping[str, float]:
    """One number for each metric that the page has. Raises ValueError or LookupError for what is no such page.

    Other lines are not looked at: a server of models has thousands of them.
    """
    # Takes 1 MB: loaded only where somebody asks for metrics.
    from prometheus_client.parser import text_string_to_metric_families

    how = {metric.name: metric.aggregate for metric in wanted}
    names = tuple(how)
    lines = [line for line in page.splitlines() if line.startswith(names)]
    found: dict[str, list[float]] = {}
    for family in text_string_to_metric_families("\n".join(lines) + "\n"):
        for sample in family.samples:
            if sample.name in how and isfinite(sample.value):
                found.setdefault(sample.name, []).append(sample.value)
    return {name: _JOIN[how[name]](samples) for name, samples in found.items()}

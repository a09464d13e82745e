"""Families of metrics as prometheus_client renders them."""

from collections.abc import Sequence
from math import inf

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from homeport.core.histogram import Histogram

__all__ = ["Metric", "counter", "gauge", "histogram", "observed"]


def counter(name: str, text: str, *labels: str) -> CounterMetricFamily:
    """`name` with its `_total`."""
    return CounterMetricFamily(name, text, labels=labels)


def gauge(name: str, text: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, text, labels=labels)


def histogram(name: str, text: str, *labels: str) -> HistogramMetricFamily:
    return HistogramMetricFamily(name, text, labels=labels)


def observed(family: HistogramMetricFamily, labels: Sequence[str], values: Histogram) -> None:
    """Adds what one of ours holds."""
    buckets, so_far = [], 0
    for bound, count in zip((*values.bounds, inf), values.counts, strict=True):
        so_far += count
        buckets.append(("+Inf" if bound == inf else str(bound), so_far))
    family.add_metric(labels, buckets, values.total)

"""A deployment's traffic as a table that `homeport plan --replay` reads."""

import csv
from collections.abc import Iterable
from datetime import UTC, datetime
from io import StringIO
from typing import Any

_FIGURES = (
    "arrivals",
    "completions",
    "mean_service_seconds",
    "waiting_seconds",
    "peak_requests",
    "peak_arrivals",
    "tokens",
)


def traffic_lines(minutes: Iterable[dict[str, Any]]) -> list[str]:
    """CSV, of what the API answers; times are UTC."""
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["minute", *_FIGURES])
    writer.writerows([_utc(each["minute"]), *(each[name] for name in _FIGURES)] for each in minutes)
    return text.getvalue().splitlines(keepends=True)


def _utc(minute: int) -> str:
    return datetime.fromtimestamp(minute, UTC).strftime("%Y-%m-%dT%H:%MZ")

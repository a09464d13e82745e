"""What the tests of this folder have measured, told at the end of a run that names the folder."""

from collections.abc import Callable
from typing import Any

import pytest

Figure = Callable[[str, float], None]


@pytest.fixture
def figure(record_property: Callable[[str, object], None]) -> Figure:
    """Notes a duration in seconds. It is reported, never judged: other programs share the machine."""
    return lambda name, seconds: record_property(f"seconds: {name}", round(seconds, 2))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    lines = [
        f"{value:8.2f} s  {name.removeprefix('seconds: ')}"
        for report in [*terminalreporter.getreports("passed"), *terminalreporter.getreports("failed")]
        if report.when == "call"
        for name, value in report.user_properties
        if name.startswith("seconds: ")
    ]
    if lines:
        terminalreporter.section("figures")
        for line in lines:
            terminalreporter.write_line(line)

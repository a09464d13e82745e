from typing import Any

import pytest

from homeport.cli.bound import bound_lines


def share(name: str, replicas: int) -> dict[str, Any]:
    return {"node_id": name, "node_name": name, "replicas": replicas}


@pytest.mark.parametrize(
    ("bound", "lines"),
    [
        ({}, []),
        ({"replicas": 4, "away": [], "unacked": [share("n1", 4)], "withheld": 0}, []),
        (
            {"replicas": 6, "away": [share("n1", 2)], "unacked": [], "withheld": 0},
            ["up to 6 replicas may run in all: n1 may run 2 while it is away"],
        ),
        (
            {"replicas": 4, "away": [], "unacked": [share("n1", 4), share("n2", 1)], "withheld": 2},
            ["2 more once acknowledged by n1, n2, which may run fewer now"],
        ),
    ],
)
def test_what_may_run_beyond_the_maximum_is_said(bound: dict[str, Any], lines: list[str]) -> None:
    assert bound_lines(bound) == lines

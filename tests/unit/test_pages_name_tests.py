"""docs/reliability.md and docs/security.md name tests: each of them must exist."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def _named(page: str) -> list[tuple[str, str]]:
    text = (ROOT / "docs" / page).read_text()
    found, file = [], ""
    for given, name in re.findall(r"`(tests/[\w/]+\.py)?::(\w+)`", text):
        file = given or file
        found.append((file, name))
    return found


@pytest.mark.parametrize(("page", "fewest"), [("reliability.md", 40), ("security.md", 20)])
def test_every_test_that_the_page_names_exists(page: str, fewest: int) -> None:
    named = _named(page)
    assert len(named) > fewest
    missing = [(file, name) for file, name in named if f"def {name}(" not in (ROOT / file).read_text()]
    assert missing == []

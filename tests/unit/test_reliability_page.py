"""docs/reliability.md names tests: each of them must exist."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def _named() -> list[tuple[str, str]]:
    text = (ROOT / "docs" / "reliability.md").read_text()
    found, file = [], ""
    for given, name in re.findall(r"`(tests/[\w/]+\.py)?::(\w+)`", text):
        file = given or file
        found.append((file, name))
    return found


def test_every_test_that_the_page_names_exists() -> None:
    named = _named()
    assert len(named) > 40
    missing = [(file, name) for file, name in named if f"def {name}(" not in (ROOT / file).read_text()]
    assert missing == []

"""Hints and docs name commands: those must exist."""

import re
from pathlib import Path

import pytest

from tests.unit.cli.test_help import COMMANDS

ROOT = Path(__file__).resolve().parents[3]
_NOUNS = sorted({name.split()[0] for name in COMMANDS if " " in name})
_NAMED = re.compile(rf"\bhomeport ({'|'.join(_NOUNS)})((?: [a-z-]+)+)")
_FILES = [
    *(file for folder in ("homeport", "agent", "controlplane") for file in (ROOT / folder).rglob("*.py")),
    *ROOT.glob("*.md"),
    *(ROOT / "docs").rglob("*.md"),
]


def _named() -> list[tuple[str, str]]:
    return [(str(file.relative_to(ROOT)), match[0]) for file in _FILES for match in _NAMED.finditer(file.read_text())]


def test_there_are_some() -> None:
    assert len(_named()) > 30


@pytest.mark.parametrize(("file", "text"), _named())
def test_the_command_exists(file: str, text: str) -> None:
    words = text.removeprefix("homeport ").split(" ")
    groups = {name.rpartition(" ")[0] for name in COMMANDS}
    named = " ".join(words)
    assert named in groups or {" ".join(words[:2]), " ".join(words[:3])} & COMMANDS.keys(), f"{file} names {text!r}"

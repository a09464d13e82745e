import os
import shlex
from pathlib import Path

import pytest

from homeport.cli.dev.progress import Progress
from homeport.cli.dev.sample import Sample
from homeport.cli.dev.summary import print_summary, shown
from homeport.client.contexts import Context


def test_a_step_ends_with_its_outcome(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress().step("agent starting") as step:
        step.outcome = "node rack7 ready"
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("  agent starting: node rack7 ready ")
    assert line.endswith(" s")


def test_a_step_that_fails_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match="no"), Progress().step("agent starting"):
        raise ValueError("no")
    assert "agent starting: failed" in capsys.readouterr().out


def test_paths_are_shown_as_one_would_type_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert shown(tmp_path / "examples" / "chat.py") == "examples/chat.py"
    assert shown(Path("/elsewhere/my file")) == "'/elsewhere/my file'"


def test_the_lines_to_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    for name in [name for name in os.environ if name.startswith("HOMEPORT_")]:
        monkeypatch.delenv(name)
    print_summary(Context("dev", "http://api", "http://gateway", "hp1.a.b"), Sample(tmp_path))
    out = capsys.readouterr().out
    curl = next(line for line in out.splitlines() if line.strip().startswith("curl"))
    words = shlex.split(curl)
    assert words[1] == "http://gateway/v1/chat/completions"
    assert "Authorization: Bearer hp1.a.b" in words
    assert "http://api/api/v1/docs" in out
    assert "wins over" not in out

    monkeypatch.setenv("HOMEPORT_TOKEN", "other")
    print_summary(Context("dev", "http://api", "http://gateway", "hp1.a.b"), Sample(tmp_path))
    assert "HOMEPORT_TOKEN in this environment wins over" in capsys.readouterr().out

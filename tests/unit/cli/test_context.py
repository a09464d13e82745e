import json
from pathlib import Path

import pytest

from homeport.client.contexts import Context, ContextFile
from tests.unit.cli.conftest import Cli


@pytest.fixture
def two_contexts(cli: Cli) -> None:
    file = ContextFile.load()
    file.put(Context("dev", token="hp1.dev.secret"), make_current=True)
    file.put(Context("prod", "http://prod", token="other-secret"))
    file.save()


@pytest.mark.usefixtures("two_contexts")
def test_contexts_are_listed_chosen_and_shown(cli: Cli) -> None:
    assert "*" in next(line for line in cli("context", "list").out.splitlines() if "dev" in line)
    assert cli("context", "use", "prod").out == "context prod is current\n"
    assert json.loads(cli("context", "show", "-o", "json").out) == {
        "name": "prod",
        "api": "http://prod",
        "gateway": "http://127.0.0.1:8000",
        "token": "...",
    }
    assert [c["current"] for c in json.loads(cli("context", "list", "-o", "json").out)] == [False, True]


@pytest.mark.usefixtures("two_contexts")
def test_no_secret_is_ever_shown(cli: Cli) -> None:
    for arguments in (
        ["list"],
        ["list", "-o", "yaml"],
        ["show"],
        ["show", "-o", "json"],
        ["show", "--context", "prod"],
    ):
        assert "secret" not in cli("context", *arguments).out


@pytest.mark.usefixtures("two_contexts")
def test_an_unknown_context(cli: Cli) -> None:
    ran = cli("context", "use", "prd")
    assert ran.code == 1
    assert "did you mean prod?" in ran.err


def test_no_contexts_yet(cli: Cli) -> None:
    assert "homeport dev" in cli("context", "list").out


def test_the_server_gets_every_argument(cli: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = tmp_path / "homeport-server"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    started: list[tuple[str, list[str]]] = []
    monkeypatch.setattr("sys.executable", str(tmp_path / "python"))
    monkeypatch.setattr("os.execv", lambda path, arguments: started.append((path, arguments)))
    cli("server", "--data-dir", "x", "--help")
    assert started == [(str(program), [str(program), "--data-dir", "x", "--help"])]


def test_a_missing_server_says_how_to_get_it(cli: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("sys.executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    ran = cli("server")
    assert ran.code == 1
    assert "homeport[controlplane]" in ran.err

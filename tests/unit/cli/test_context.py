import json
from pathlib import Path

import pytest

from homeport.client.contexts import Context, ContextFile
from tests.fakes.certificates import ForeignCa
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


def test_a_context_from_birth_to_end(cli: Cli, tmp_path: Path) -> None:
    urls = ["--api", "https://control:8080/", "--gateway", "https://control:8000"]
    assert (
        cli("context", "create", "prod", *urls, stdin="hp1.a.secret\n").out == "context prod created; it is current\n"
    )
    assert ContextFile.load().get("prod") == Context("prod", "https://control:8080", urls[3], "hp1.a.secret")
    assert "there is a context prod" in cli("context", "create", "prod", *urls, stdin="x").err
    (tmp_path / "token").write_text("hp1.b.secret")
    assert cli("context", "create", "lab", *urls, "--token-file", str(tmp_path / "token")).code == 0
    assert "not confirmed" in cli("context", "delete", "lab", stdin="labb\n", terminal=True).err
    assert cli("context", "rm", "lab", "--yes").out == "context lab deleted\n"
    assert (ContextFile.load().current, list(ContextFile.load().contexts)) == ("", ["prod"])


@pytest.mark.parametrize(
    ("arguments", "stdin", "words"),
    [
        (["--api", "control:8080"], "token", "http://HOST:PORT"),
        (["--api", "http://a"], "", "exactly one word"),
        (["--api", "http://a"], "two words", "exactly one word"),
        (["--api", "http://a", "--token-file", "/none"], "", "cannot read /none"),
    ],
)
def test_a_context_that_would_not_work(cli: Cli, arguments: list[str], stdin: str, words: str) -> None:
    ran = cli("context", "create", "prod", "--gateway", "http://g", *arguments, stdin=stdin)
    assert ran.code != 0
    assert words in ran.err
    assert ContextFile.load().contexts == {}


def test_a_context_with_a_ca_of_its_own(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    urls = ["--api", "https://control:8080", "--gateway", "https://control:8000"]
    (tmp_path / "ca.crt").write_text("nothing")
    ran = cli("context", "create", "prod", *urls, "--ca-file", "ca.crt", stdin="token")
    assert (ran.code, ContextFile.load().contexts) == (1, {})
    assert "PEM" in ran.err
    ForeignCa().write(tmp_path / "ca.crt")
    assert cli("context", "create", "prod", *urls, "--ca-file", "ca.crt", stdin="token").code == 0
    assert ContextFile.load().get("prod").ca_file == str(tmp_path / "ca.crt")
    assert "ca.crt" in cli("context", "show").out


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

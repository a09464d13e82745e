import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import StringIO

import pytest

from homeport.cli.main import main
from tests.fakes.api import ScriptedApi, scripted_api


@dataclass(frozen=True, slots=True)
class Ran:
    code: int
    out: str
    err: str


Cli = Callable[..., Ran]


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedApi]:
    """The API that the command talks to, by the environment."""
    with scripted_api() as running:
        context = running.context
        for name, value in (("API", context.api), ("GATEWAY", context.gateway), ("TOKEN", context.token)):
            monkeypatch.setenv(f"HOMEPORT_{name}", value)
        yield running


@pytest.fixture
def cli(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path_factory: pytest.TempPathFactory
) -> Cli:
    """Runs `homeport ARGUMENTS` in this process, with a configuration of its own."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.mktemp("config")))
    monkeypatch.setenv("COLUMNS", "120")

    def run(*arguments: str, stdin: str = "", terminal: bool = False) -> Ran:
        monkeypatch.setattr(sys, "argv", ["homeport", *arguments])
        source = StringIO(stdin)
        monkeypatch.setattr(source, "isatty", lambda: terminal)
        monkeypatch.setattr(sys, "stdin", source)
        capsys.readouterr()
        code = 0
        try:
            main()
        except SystemExit as ending:
            code = ending.code if isinstance(ending.code, int) else 1
        captured = capsys.readouterr()
        return Ran(code, captured.out, captured.err)

    return run

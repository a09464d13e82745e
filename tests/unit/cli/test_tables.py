import pytest

from homeport.cli.output import print_table

_ROWS = [["chat", "ready (all is well)"], ["港-1", "failed"]]


def test_a_pipe_gets_a_line_per_row(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "10")
    print_table(["ID", "PHASE"], _ROWS, indent=2)
    assert capsys.readouterr().out == "  ID    PHASE\n  chat  ready (all is well)\n  港-1  failed\n"


@pytest.mark.parametrize("columns", ["80", "12"])
def test_a_terminal_gets_colours_and_folds_what_is_too_wide(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, columns: str
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", columns)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    print_table(["ID", "PHASE"], _ROWS)
    out = capsys.readouterr().out
    assert "\x1b[31mfailed\x1b[0m" in out
    assert len(out.splitlines()) == 3 if columns == "80" else len(out.splitlines()) > 3


def test_no_rows(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(["ID"], [], indent=2, empty="none yet")
    assert capsys.readouterr().out == "  none yet\n"

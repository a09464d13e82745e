"""Values of secrets from the command line: where they come from, and that no error repeats them."""

import io
from pathlib import Path

import pytest
import typer

from homeport.cli.secret_values import given_values
from homeport.core.errors import HomeportError


def test_all_sources_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "cert.pem").write_text("line\nline\n")
    (tmp_path / ".env").write_text("# hub\nexport A=1\n\nB='two words'\nC=x=y\nD=\n")
    monkeypatch.setattr("sys.stdin", io.StringIO("from stdin\n"))
    found = given_values(["L=a=b"], [f"cert={tmp_path}/cert.pem"], f"{tmp_path}/.env", "token")
    assert found == {
        "L": "a=b",
        "cert": "line\nline\n",
        "A": "1",
        "B": "two words",
        "C": "x=y",
        "D": "",
        "token": "from stdin",
    }


def test_a_key_that_is_given_twice_is_refused() -> None:
    with pytest.raises(typer.BadParameter, match="key A is given twice"):
        given_values(["A=1", "A=2"], None, "", "")


def test_no_error_repeats_what_may_be_a_value(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("A=1\nplanted\n")
    (tmp_path / "binary").write_bytes(b"planted\xff")
    with pytest.raises(typer.BadParameter) as usage:
        given_values(["planted"], None, "", "")
    assert "planted" not in str(usage.value)
    for arguments, says in (
        ((None, None, f"{tmp_path}/.env", ""), "KEY=VALUE"),
        ((None, [f"b={tmp_path}/binary"], "", ""), "not UTF-8"),
        ((None, [f"b={tmp_path}/none"], "", ""), "cannot read"),
    ):
        with pytest.raises(HomeportError, match=says) as caught:
            given_values(*arguments)
        assert "planted" not in f"{caught.value.message} {caught.value.hint} {caught.value.path}"

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from tests.fakes.api import ScriptedApi, resource
from tests.unit.cli.conftest import Cli

_SPEC = {
    "id": "chat",
    "description": "old",
    "env": {"A": "1"},
    "autoscale_config": {"min_replicas": 0, "max_replicas": 1},
}
_CHAT = {**resource("deployment", "chat", _SPEC), "generation": 4}
# Replaces words in the file that it is given, one pair after the other: one call, one pair.
_EDITOR = """#!/usr/bin/env python3
import pathlib, sys
pairs = pathlib.Path({pairs!r})
old, new, *rest = pairs.read_text().split("|")
pairs.write_text("|".join(rest) or "|")
file = pathlib.Path(sys.argv[-1])
text = file.read_text()
pathlib.Path({seen!r}).write_text(text)
file.write_text(text.replace(old, new) if old else text)
"""

Editor = Callable[..., Path]


@pytest.fixture
def editor(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Editor:
    """An $EDITOR that makes these replacements, one per call; gives the file with what it saw last."""

    def make(*replacements: str) -> Path:
        program, pairs, seen = (tmp_path / name for name in ("editor", "pairs", "seen"))
        pairs.write_text("|".join(replacements) or "|")
        program.write_text(_EDITOR.format(pairs=str(pairs), seen=str(seen)))
        program.chmod(0o755)
        monkeypatch.delenv("VISUAL", raising=False)
        monkeypatch.setenv("EDITOR", f"{program} --flag")
        monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
        return seen

    return make


def _kept(tmp_path: Path) -> list[Path]:
    return sorted(tmp_path.glob("homeport-*.yaml"))


def test_only_what_was_changed_is_sent_with_the_generation_that_was_read(
    cli: Cli, api: ScriptedApi, editor: Editor, tmp_path: Path
) -> None:
    api.answer("GET", "deployments/chat", _CHAT)
    change = {"path": "autoscale_config.max_replicas", "change": "live", "from": 1, "to": 3}
    api.answer("PATCH", "deployments/chat", {**_CHAT, "changes": [change], "needs_restart": False})
    seen = editor("max_replicas: 1", "max_replicas: 3")
    ran = cli("edit", "deployment/chat")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out == "deployment chat changed:\n  ~ autoscale_config.max_replicas: 1 -> 3\n"
    assert yaml.safe_load(seen.read_text()) == {"deployment": _SPEC}
    assert api.asked[1].body == {"spec": {"autoscale_config": {"max_replicas": 3}}, "generation": 4}
    assert api.asked[1].query == {}
    assert _kept(tmp_path) == []


@pytest.mark.parametrize(
    "replacement", [("old", "old"), ("description: old", "# description: old\n  description: old")]
)
def test_an_unchanged_file_changes_nothing(
    cli: Cli, api: ScriptedApi, editor: Editor, replacement: tuple[str, str]
) -> None:
    api.answer("GET", "deployments/chat", _CHAT)
    editor(*replacement)
    assert cli("edit", "deployment/chat").out == "nothing changed\n"
    assert len(api.asked) == 1


def test_a_removed_field_goes_back_to_its_default(cli: Cli, api: ScriptedApi, editor: Editor) -> None:
    api.answer("GET", "deployments/chat", _CHAT)
    api.answer("PATCH", "deployments/chat", {**_CHAT, "changes": [], "needs_restart": False})
    editor("  description: old\n", "")
    ran = cli("edit", "deployment/chat", "--dry-run")
    assert api.asked[1].body["spec"] == {"description": None}
    assert api.asked[1].query == {"dry_run": "true"}
    assert ran.out.startswith("deployment chat would change:\n")


def test_a_mistake_is_shown_on_top_of_the_file_which_is_opened_again(
    cli: Cli, api: ScriptedApi, editor: Editor, tmp_path: Path
) -> None:
    api.answer("GET", "deployments/chat", _CHAT)
    error = {"code": "invalid_argument", "message": "too many", "path": "max_replicas", "hint": "0 to 10000"}
    api.answer("PATCH", "deployments/chat", {"error": error}, 400)
    api.answer("PATCH", "deployments/chat", {**_CHAT, "changes": [], "needs_restart": False})
    seen = editor("max_replicas: 1", "max_replicas: 99999", "99999", "9")
    ran = cli("edit", "deployment/chat", terminal=True)
    assert ran.code == 0
    assert seen.read_text().startswith("# error: too many\n# path: max_replicas\n# hint: 0 to 10000\ndeployment:")
    assert api.asked[2].body["spec"] == {"autoscale_config": {"max_replicas": 9}}
    assert _kept(tmp_path) == []


@pytest.mark.parametrize("text", ["deployment: [", "model: {id: x}", "deployment: 7"])
def test_what_is_not_the_document_is_not_sent(cli: Cli, api: ScriptedApi, editor: Editor, text: str) -> None:
    api.answer("GET", "deployments/chat", _CHAT)
    whole = yaml.safe_dump({"deployment": _SPEC}, sort_keys=False)
    editor(whole, text)
    ran = cli("edit", "deployment/chat")
    assert (ran.code, len(api.asked)) == (1, 1)
    assert "what you wrote is kept in" in ran.err


def test_a_conflict_shows_both_sides_and_keeps_the_text(
    cli: Cli, api: ScriptedApi, editor: Editor, tmp_path: Path
) -> None:
    api.answer("GET", "deployments/chat", _CHAT)
    scaling = {"min_replicas": 0, "max_replicas": 1}
    current = {
        **_CHAT,
        "spec": {**_SPEC, "description": "newer", "env": {}, "state": "stopped", "autoscale_config": scaling},
    }
    conflicts = [
        {"path": "description", "yours": "new", "theirs": "newer"},
        {"path": "env", "yours": {"A": "2"}, "theirs": {}},
        {"path": "autoscale_config.max_replicas", "yours": 2, "theirs": 1},
    ]
    details = {"conflicts": conflicts, "current": current}
    error = {"code": "conflict", "message": "changed meanwhile", "details": details}
    api.answer("PATCH", "deployments/chat", {"error": error}, 409)
    editor("description: old", "description: new")
    ran = cli("edit", "deployment/chat", terminal=True)
    assert ran.code == 1
    assert "description: yours new, now newer" in ran.err
    assert 'env: yours {"A": "2"}, now (none)' in ran.err
    assert "state: was (none), now stopped" in ran.err
    assert "max_replicas" not in ran.err, "only this side changed it"
    (kept,) = _kept(tmp_path)
    assert str(kept) in ran.err
    assert "description: new" in kept.read_text()


@pytest.mark.parametrize(("command", "words"), [("/no/such/editor", "cannot start"), ("false", "ended with code 1")])
def test_an_editor_that_does_not_work(
    cli: Cli, api: ScriptedApi, monkeypatch: pytest.MonkeyPatch, command: str, words: str
) -> None:
    api.answer("GET", "deployments/chat", _CHAT)
    monkeypatch.setenv("VISUAL", command)
    ran = cli("edit", "deployment/chat")
    assert ran.code == 1
    assert words in ran.err


@pytest.mark.parametrize("reference", ["node/rack7", "join-token/x"])
def test_what_no_document_describes_is_not_edited(cli: Cli, api: ScriptedApi, reference: str) -> None:
    ran = cli("edit", reference)
    assert (ran.code, api.asked) == (1, [])
    assert "editable are: cluster" in ran.err

import json
from pathlib import Path

import pytest

from tests.fakes.api import ScriptedApi
from tests.unit.cli.conftest import Cli

_TWO = "model: {id: a}\n---\nmodel: {id: b}\n"


def _results(*actions: str) -> dict[str, object]:
    return {"results": [{"kind": "model", "id": f"m{n}", "action": a} for n, a in enumerate(actions)], "seq": 1}


def test_each_object_gets_a_line(cli: Cli, api: ScriptedApi) -> None:
    api.answer("POST", "apply", _results("created", "unchanged"))
    ran = cli("apply", "-f", "-", stdin=_TWO)
    assert ran.out == "model/m0 created\nmodel/m1 unchanged\n"
    assert api.asked[0].body == {"documents": [{"model": {"id": "a"}}, {"model": {"id": "b"}}], "dry_run": False}


def test_a_dry_run_says_so(cli: Cli, api: ScriptedApi) -> None:
    api.answer("POST", "apply", _results("configured"))
    assert cli("apply", "-f", "-", "--dry-run", stdin="model: {id: a}").out == "model/m0 configured (dry run)\n"
    assert api.asked[0].body["dry_run"] is True


def test_results_for_programs(cli: Cli, api: ScriptedApi) -> None:
    api.answer("POST", "apply", _results("created"))
    ran = cli("apply", "-f", "-", "-o", "json", stdin="model: {id: a}")
    plain = {"kind": "model", "id": "m0", "action": "created", "changes": [], "recorded": []}
    assert json.loads(ran.out) == [plain]


def test_changes_are_shown_field_by_field(cli: Cli, api: ScriptedApi) -> None:
    changes = [
        {"path": "autoscale_config.max_replicas", "change": "live", "from": 1, "to": 3},
        {"path": "env", "change": "rollout", "from": {}, "to": {"LEVEL": "debug"}},
        {"path": "description", "change": "live", "from": "old", "to": ""},
    ]
    result = {"kind": "deployment", "id": "chat", "action": "configured", "changes": changes, "recorded": ["user_id"]}
    api.answer("POST", "apply", {"results": [result], "seq": 1})
    ran = cli("apply", "-f", "-", "--dry-run", stdin="deployment: {id: chat}")
    assert ran.out.splitlines() == [
        "deployment/chat configured (dry run)",
        "  ~ autoscale_config.max_replicas: 1 -> 3",
        '  + env: (none) -> {"LEVEL": "debug"}  needs restart',
        "  - description: old -> (none)",
    ]
    assert ran.err == "note: kept, but without effect in this release: deployment.user_id\n"


def test_missing_parents_are_made_on_demand(cli: Cli, api: ScriptedApi) -> None:
    api.answer("POST", "apply", _results("created"))
    assert cli("apply", "-f", "-", "--create-missing", stdin="model: {id: a}").code == 0
    assert api.asked[0].body["create_missing"] is True


def test_folders_are_read_to_the_bottom(cli: Cli, api: ScriptedApi, tmp_path: Path) -> None:
    for name in ("b/site.yaml", "a.yaml", ".git/hidden.yaml", "b/c/.hidden.yml", "b/c/deep.yml"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(f"model: {{id: {Path(name).stem}}}")
    api.answer("POST", "apply", _results())
    assert cli("apply", "-f", str(tmp_path)).code == 0
    assert [each["model"]["id"] for each in api.asked[0].body["documents"]] == ["a", "deep", "site"]


def test_a_folder_is_one_write(cli: Cli, api: ScriptedApi, tmp_path: Path) -> None:
    (tmp_path / "2.yaml").write_text(_TWO)
    (tmp_path / "1.yml").write_text("compute_cluster: {id: c}")
    (tmp_path / "notes.txt").write_text("not YAML: [")
    api.answer("POST", "apply", _results())
    assert cli("apply", "-f", str(tmp_path)).code == 0
    documents = [{"compute_cluster": {"id": "c"}}, {"model": {"id": "a"}}, {"model": {"id": "b"}}]
    assert api.asked[0].body["documents"] == documents


def test_an_error_names_file_and_document(cli: Cli, api: ScriptedApi, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("compute_cluster: {id: c}")
    (tmp_path / "b.yaml").write_text(_TWO)
    error = {
        "code": "invalid_argument",
        "message": "unknown field",
        "path": "[2].model.idd",
        "hint": "did you mean id?",
    }
    api.answer("POST", "apply", {"error": error}, 400)
    ran = cli("apply", "-f", str(tmp_path))
    assert ran.code == 1
    assert f"path:    {tmp_path}/b.yaml (document 2): model.idd\n" in ran.err
    assert "did you mean id?" in ran.err


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: [", "not YAML"),
        ("- 1", "must be a mapping with one root key"),
        ("model: {id: a}\n---\nx: 1\ny: 2\n", "one root key"),
        ("", "there is no document"),
        ("# only a comment\n", "there is no document"),
    ],
)
def test_what_is_not_a_document_is_not_sent(cli: Cli, api: ScriptedApi, text: str, words: str) -> None:
    ran = cli("apply", "-f", "-", stdin=text)
    assert (ran.code, api.asked) == (1, [])
    assert words in ran.err


def test_a_missing_file(cli: Cli, api: ScriptedApi, tmp_path: Path) -> None:
    ran = cli("apply", "-f", str(tmp_path / "none.yaml"))
    assert ran.code == 1
    assert "none.yaml: No such file" in ran.err


def test_a_file_that_is_not_text(cli: Cli, api: ScriptedApi, tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_bytes(b"\xff\xfe\x00")
    assert "not a text file" in cli("apply", "-f", str(tmp_path / "x.yaml")).err

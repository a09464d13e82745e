import json
from pathlib import Path

import pytest
import yaml

from tests.fakes.api import ScriptedApi, resource
from tests.unit.cli.conftest import Cli

_CLUSTER = resource("cluster", "office", {"id": "office", "kind": "on-prem", "region": "berlin", "labels": {"a": "b"}})
_SPEC = {
    "id": "chat",
    "worker": {"model": {"id": "smollm2", "model_version": {"id": "v1"}}},
    "nodepools": [{"id": "gpu", "compute_cluster": {"id": "office"}}],
}
_PLACEMENT = {"node_name": "rack7", "revision": 1, "rank": 0, "min": 1, "max": 2, "status": "ready"}
_REPLICA = {
    "id": "0123456789ab",
    "node_id": "n1",
    "node_name": "rack7",
    "deployment_id": "chat",
    "revision": 1,
    "status": "ready",
    "reason": "",
    "restarts": 0,
}
_DEPLOYMENT = resource(
    "deployment",
    "chat",
    _SPEC,
    {
        "phase": "degraded",
        "reason": "one node is full",
        "model_version": "v1",
        "replicas": {"ready": 1, "total": 2},
        "placements": [_PLACEMENT],
        "rejections": [{"node_name": "rack8", "filter": "memory", "need": "4 GiB", "have": "1 GiB"}],
        "url": "http://gateway/d/chat/",
    },
)


def test_list_as_a_table(cli: Cli, api: ScriptedApi) -> None:
    api.answer("GET", "clusters", {"items": [_CLUSTER], "seq": 1})
    ran = cli("cluster", "list")
    assert ran.code == 0
    header, row = ran.out.splitlines()
    assert header.split() == ["ID", "KIND", "PROVIDER", "REGION", "LABELS", "AGE"]
    assert row.split() == ["office", "on-prem", "-", "berlin", "a=b", "-"]


def test_json_has_everything_and_yaml_can_be_applied(cli: Cli, api: ScriptedApi) -> None:
    api.answer("GET", "clusters", {"items": [_CLUSTER, _CLUSTER], "seq": 1})
    assert json.loads(cli("cluster", "list", "-o", "json").out) == [_CLUSTER, _CLUSTER]
    assert (
        list(yaml.safe_load_all(cli("cluster", "list", "-o", "yaml").out))
        == [{"compute_cluster": _CLUSTER["spec"]}] * 2
    )


def test_an_empty_list_is_not_an_empty_screen(cli: Cli, api: ScriptedApi) -> None:
    api.answer("GET", "models", {"items": [], "seq": 1})
    assert cli("model", "list").out == "no models yet\n"
    assert json.loads(cli("model", "list", "-o", "json").out) == []


def test_text_in_brackets_is_printed_as_it_is(cli: Cli, api: ScriptedApi) -> None:
    model = resource("model", "m", {"id": "m", "description": "[bold]x[/bold] :smile:"})
    api.answer("GET", "models", {"items": [model], "seq": 1})
    assert "[bold]x[/bold] :smile:" in cli("model", "list").out


def test_filters_are_passed_on(cli: Cli, api: ScriptedApi) -> None:
    api.answer("GET", "nodes", {"items": [], "seq": 1})
    cli("node", "list", "--nodepool", "office/gpu")
    assert api.asked[0].query == {"nodepool": "office/gpu", "limit": "1000"}


def test_get_tells_the_whole_story_of_a_deployment(cli: Cli, api: ScriptedApi) -> None:
    api.answer("GET", "deployments/chat", _DEPLOYMENT)
    api.answer("GET", "replicas", {"items": [_REPLICA], "seq": 1})
    out = cli("deployment", "get", "chat").out
    for expected in (
        "degraded (one node is full)",
        "smollm2/v1",
        "1..2",
        "01234567",
        "rack8",
        "4 GiB",
        "http://gateway/d/chat/",
    ):
        assert expected in out
    assert api.asked[1].query == {"deployment": "chat", "limit": "1000"}


def test_a_reference_names_kind_and_id(cli: Cli, api: ScriptedApi) -> None:
    api.answer("GET", "models/smollm2/versions/v1", resource("model_version", "smollm2/v1", {"id": "v1"}))
    ran = cli("get", "version/smollm2/v1", "-o", "yaml")
    assert yaml.safe_load(ran.out) == {"model_version": {"id": "v1"}}


@pytest.mark.parametrize(
    ("reference", "words"),
    [
        ("deploymnt/chat", "did you mean deployment"),
        ("deployment", "write deployment/ID"),
        ("nodepool/gpu", "write it as CLUSTER/NODEPOOL"),
        ("join-token/x", "shown once"),
    ],
)
def test_a_wrong_reference_says_what_is_right(cli: Cli, api: ScriptedApi, reference: str, words: str) -> None:
    ran = cli("get", reference)
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith("error: invalid_argument\n")
    assert words in ran.err


def test_create_sends_only_what_was_given(cli: Cli, api: ScriptedApi) -> None:
    api.answer("POST", "clusters", _CLUSTER, 201)
    ran = cli("cluster", "create", "office", "--region", "berlin", "--label", "a=b", "--label", "c=d=e")
    assert ran.out == "cluster office created\n"
    assert api.asked[0].body == {"id": "office", "region": "berlin", "labels": {"a": "b", "c": "d=e"}}


def test_zero_is_a_value(cli: Cli, api: ScriptedApi) -> None:
    api.answer("POST", "nodepools", resource("nodepool", "office/gpu", {}), 201)
    cli("nodepool", "create", "office/gpu", "--min-instances", "0")
    assert api.asked[0].body == {"id": "gpu", "compute_cluster": {"id": "office"}, "min_instances": 0}


def test_a_version_from_flags(cli: Cli, api: ScriptedApi) -> None:
    api.answer("POST", "models/echo/versions", resource("model_version", "echo/v1", {}), 201)
    flags = ["--command", "python3 'my echo.py' {port}", "--cpu", "500m", "--gpus", "0", "--readiness-path", "/ok"]
    assert cli("model", "version", "create", "echo/v1", *flags).code == 0
    assert api.asked[0].body == {
        "id": "v1",
        "model": {"id": "echo"},
        "command": ["python3", "my echo.py", "{port}"],
        "readiness": {"path": "/ok"},
        "inference_compute_info": {"cpu_limit": "500m", "num_accelerators": 0},
    }


def test_create_from_a_file(cli: Cli, api: ScriptedApi, tmp_path: Path) -> None:
    api.answer("POST", "deployments", _DEPLOYMENT, 201)
    file = tmp_path / "chat.yaml"
    file.write_text(yaml.safe_dump({"deployment": _SPEC}))
    assert cli("deployment", "create", "-f", str(file)).code == 0
    assert api.asked[0].body == _SPEC


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["cluster", "create"], "give CLUSTER"),
        (["cluster", "create", "--kind", "edge", "-f", "x.yaml"], "not both"),
        (["nodepool", "get", "a", "b", "c"], "not of the form CLUSTER/NODEPOOL"),
        (["deployment", "create", "a", "b", "c", "--model", "m"], "at most a nodepool"),
        (["deployment", "scale", "chat"], "give REPLICAS"),
        (["deployment", "scale", "chat", "2", "--max", "3"], "give REPLICAS"),
        (["deployment", "scale", "chat", "--", "-1"], "REPLICAS"),
        (["deployment", "list", "--limit", "0"], "--limit"),
        (["cluster", "create", "a", "--label", "b"], "'b' is not of the form KEY=VALUE"),
        (["nodepool", "create", "gpu"], "not of the form CLUSTER/NODEPOOL"),
        (["deployment", "create", "chat"], "--model and --nodepool"),
        (["deployment", "list", "-o", "xml"], "xml"),
        (["deploiment"], "deploiment"),
        (["chat", "d"], "standard input is empty"),
    ],
)
def test_wrong_usage_exits_with_2_before_anything_is_sent(
    cli: Cli, api: ScriptedApi, arguments: list[str], words: str
) -> None:
    ran = cli(*arguments)
    assert ran.code == 2
    assert words in ran.err
    assert api.asked == []


def test_a_file_of_another_kind_is_refused(cli: Cli, api: ScriptedApi, tmp_path: Path) -> None:
    file = tmp_path / "model.yaml"
    file.write_text("model: {id: m}")
    ran = cli("cluster", "create", "-f", str(file))
    assert ran.code == 1
    assert "must hold one `compute_cluster:` document, it has model" in ran.err


def test_an_error_is_one_block(cli: Cli, api: ScriptedApi) -> None:
    error = {
        "code": "invalid_argument",
        "message": "too small",
        "hint": "0 to 5",
        "path": "cluster.x",
        "request_id": "r",
    }
    api.answer("POST", "clusters", {"error": error}, 400)
    ran = cli("cluster", "create", "office")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err == "error: invalid_argument\n  message: too small\n  path:    cluster.x\n  hint:    0 to 5\n"


_IMPACT = {
    "stops": {"replicas": 2, "deployments": 0},
    "objects": [{"kind": "revision", "id": "chat/1"}],
    "blocked_by": [],
}


def test_delete_says_what_stops_and_wants_the_name(cli: Cli, api: ScriptedApi) -> None:
    api.answer("GET", "deployments/chat/impact", _IMPACT)
    api.answer("DELETE", "deployments/chat", b"", 204)
    refused = cli("delete", "deployment/chat", stdin="yes\n", terminal=True)
    assert refused.code == 1
    assert "2 replicas will stop." in refused.out
    assert "Deleted with it: 1 revision." in refused.out
    assert "nothing was deleted" in refused.err
    assert [asked.method for asked in api.asked] == ["GET"]
    done = cli("deployment", "delete", "chat", stdin="chat\n", terminal=True)
    assert done.code == 0
    assert done.out.endswith("deployment chat deleted\n")
    assert api.asked[-1].method == "DELETE"


def test_nobody_is_asked_about_what_cannot_be_deleted(cli: Cli, api: ScriptedApi) -> None:
    blocked = [{"kind": "deployment", "id": f"d{number}"} for number in range(12)]
    api.answer("GET", "nodepools/office/gpu/impact", {"stops": {}, "objects": [], "blocked_by": blocked})
    ran = cli("np", "rm", "office", "gpu", stdin="office/gpu\n", terminal=True)
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith("error: in_use\n")
    assert "deployment/d0" in ran.err
    assert "and 2 more" in ran.err


def test_delete_without_a_terminal_needs_yes(cli: Cli, api: ScriptedApi) -> None:
    api.answer("DELETE", "clusters/office", b"", 204)
    refused = cli("cluster", "delete", "office")
    assert (refused.code, api.asked) == (1, [])
    assert "add --yes" in refused.err
    assert cli("cluster", "delete", "office", "--yes").out == "cluster office deleted\n"


def test_a_join_token_is_shown_with_its_command(cli: Cli, api: ScriptedApi) -> None:
    api.answer("POST", "join-tokens", {"token": "hp1.a.b.c", "command": "homeport-agent join --token hp1.a.b.c"}, 201)
    assert "\n  homeport-agent join --token hp1.a.b.c\n" in cli("join-token", "create", "--nodepool", "office/gpu").out


def test_status_on_one_screen(cli: Cli, api: ScriptedApi) -> None:
    counts = {"ready": 1, "total": 2}
    summary = {"version": "0.1.0", "uptime_seconds": 61, "nodes": counts, "deployments": counts, "replicas": counts}
    api.answer("GET", "status", {**summary, "api_url": "http://a", "gateway_url": "http://g"})
    inventory = {"cpu_milli": 2000, "memory_bytes": 2**31, "gpus": [{"name": "H200"}, {"name": "H200"}]}
    node_spec = {"name": "rack7", "cluster": "office", "nodepool": "gpu"}
    node = resource("node", "n1", node_spec, {"status": "suspect", "reason": "no heartbeat", "inventory": inventory})
    api.answer("GET", "nodes", {"items": [node], "seq": 1})
    api.answer("GET", "deployments", {"items": [_DEPLOYMENT], "seq": 1})
    out = cli("status").out
    for expected in ("up 1m", "http://g", "1/2 replicas", "suspect (no heartbeat)", "2x H200", "2.0 GiB", "chat"):
        assert expected in out
    assert json.loads(cli("status", "-o", "json").out)["node_list"] == [node]

import json
from typing import Any

from tests.fakes.api import ScriptedApi
from tests.unit.cli.conftest import Cli

FIGURES = {"nodes": 9, "free_nodes": 1, "gpus": 64, "free_gpus": 12, "unallocated_percent": 31.25,
           "fragmentation_percent": 22.5}  # fmt: skip


def move(
    id: str, source: str, target: str, state: str = "waiting", reason: str = "", replicas: int = 1
) -> dict[str, Any]:
    return {
        "deployment_id": id, "from_node_id": source, "from_node_name": source, "to_node_id": target,
        "to_node_name": target, "replicas": replicas, "state": state, "since": 0.0, "reason": reason,
    }  # fmt: skip


def found(state: str, *moves: dict[str, Any]) -> dict[str, Any]:
    aims = [("room", "gpu-05", "big"), ("gpu", "gpu-07", ""), ("node", "gpu-09", "")]
    return {
        "state": state, "nodepools": ["office/gpu"], "replicas": 120, "may_move": 6, "started_at": 0.0,
        "deadline_at": 3600.0, "before": FIGURES, "after": {**FIGURES, "free_gpus": 13, "free_nodes": 2},
        "clearings": [
            {"aim": aim, "node_id": node, "node_name": node, "deployment_id": id, "gpus": 1, "nodes": 0,
             "moves": [each], "hidden": 0}
            for (aim, node, id), each in zip(aims, moves, strict=False)
        ],
    }  # fmt: skip


def test_what_would_move_and_what_for(cli: Cli, api: ScriptedApi) -> None:
    moves = move("web", "gpu-05", "gpu-01"), move("chat", "gpu-07", "gpu-03", replicas=2), move("a", "gpu-09", "gpu-04")
    api.answer("POST", "rebalance", found("proposed", *moves))
    ran = cli("rebalance", "--dry-run", "--max-moves", "7.5%", "--nodepool", "office/gpu", "--deadline", "2h")
    assert ran.out.splitlines() == [
        "would move 4 of 120 replicas, at most 6",
        "room for big on gpu-05:",
        "  web: gpu-05 to gpu-01",
        "a whole GPU on gpu-07:",
        "  chat (2 replicas): gpu-07 to gpu-03",
        "all of gpu-09:",
        "  a: gpu-09 to gpu-04",
        "wholly free GPUs 12 to 13 of 64, free nodes 1 to 2 of 9, unallocated 31.25 % to 31.25 %, "
        "fragmentation 22.5 % to 22.5 %",
    ]
    assert api.asked[-1].body == {
        "dry_run": True, "max_moves_percent": 7.5, "at_once": 2, "move_seconds": 600.0, "deadline_seconds": 7200.0,
        "cluster": "office", "nodepool": "gpu",
    }  # fmt: skip


def test_how_far_the_last_one_is(cli: Cli, api: ScriptedApi) -> None:
    late = move("web", "gpu-05", "gpu-01", "returned", "not ready there within 600 s")
    api.answer("GET", "rebalance", {"rebalance": found("running", late, move("chat", "gpu-07", "gpu-03", "moving"))})
    lines = cli("rebalance").out.splitlines()
    assert lines[0] == "running: moves 2 of 120 replicas, at most 6"
    assert "  web: gpu-05 to gpu-01, returned: not ready there within 600 s" in lines
    assert "  chat: gpu-07 to gpu-03, moving" in lines
    assert json.loads(cli("rebalance", "-o", "json").out)["state"] == "running"


def test_nothing_to_gain_nothing_done_yet_and_wrong_usage(cli: Cli, api: ScriptedApi) -> None:
    api.answer("POST", "rebalance", found("proposed"))
    assert cli("rebalance", "--dry-run").out == "nothing is to be gained by moving a replica\n"
    api.answer("GET", "rebalance", {"rebalance": None})
    ran = cli("rebalance")
    assert ran.code == 1 and "homeport rebalance --dry-run" in ran.err
    assert cli("rebalance", "--dry-run", "--apply").code == 2
    assert "write 5%" in cli("rebalance", "--apply", "--max-moves", "some").err
    assert "--move-time" in cli("rebalance", "--apply", "--move-time", "soon").err


def test_watching_ends_when_it_does(cli: Cli, api: ScriptedApi) -> None:
    api.answer("POST", "rebalance", found("done", move("web", "gpu-05", "gpu-01", "done")))
    assert "  web: gpu-05 to gpu-01, done" in cli("rebalance", "--apply", "--watch").out

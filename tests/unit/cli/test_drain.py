from typing import Any

import pytest
import typer

from homeport.cli import node_verbs
from homeport.cli.node_verbs import plan_lines, seconds_of
from tests.fakes.api import ScriptedApi, resource
from tests.unit.cli.conftest import Cli

_FACTS = {"name": "rack7", "cluster": "office", "nodepool": "gpu", "lock": None, "cordon": None, "drain": None}
_WISH = {"since": 1.0, "deadline_at": 2.0, "force": False, "reason": "new disk"}
_WHY = {"node_id": "n2", "node_name": "rack8", "filter": "memory", "need": "4Gi", "have": "1Gi free"}


def node(drained: bool = False, **facts: object) -> dict[str, object]:
    status = {"status": "ready", "reason": "", "since": 0, "replicas": 0, "inventory": {}, "drained": drained}
    return resource("node", "n1", {**_FACTS, **facts}, status)


def test_a_node_is_cordoned_with_a_reason(cli: Cli, api: ScriptedApi) -> None:
    api.answer("POST", "nodes/rack7/cordon", node(cordon={"reason": "new disk", "since": 1.0}))
    ran = cli("node", "cordon", "rack7", "--reason", "new disk")
    assert (ran.code, ran.out) == (0, "node rack7 is cordoned\n")
    assert api.asked[0].body == {"reason": "new disk"}


@pytest.mark.parametrize(
    ("facts", "drained", "shown"),
    [
        ({"cordon": {"reason": "", "since": 1.0}}, False, "ready, cordoned"),
        ({"drain": _WISH}, False, "ready, draining (new disk)"),
        ({"drain": _WISH, "cordon": {"reason": "", "since": 1.0}}, True, "ready, drained (new disk)"),
    ],
)
def test_lists_say_what_was_asked_of_a_node(
    cli: Cli, api: ScriptedApi, facts: dict[str, object], drained: bool, shown: str
) -> None:
    api.answer("GET", "nodes", {"items": [node(drained, **facts)], "seq": 1})
    assert shown in cli("node", "list").out


def test_a_preview_asks_for_nothing(cli: Cli, api: ScriptedApi) -> None:
    to = [{"node_id": "n3", "node_name": "rack9", "replicas": 2}]
    moves = [{"deployment_id": "chat", "replicas": 2, "to": to, "stays": 0, "why": []}]
    api.answer("GET", "nodes/rack7/drain", {"moves": moves, "hidden": 1})
    ran = cli("node", "drain", "rack7", "--dry-run")
    assert ran.out.splitlines() == ["chat: 2 to rack9", "deployments that you may not see: 1"]
    assert [asked.method for asked in api.asked] == ["GET"]


def test_a_drain_says_until_when(cli: Cli, api: ScriptedApi) -> None:
    api.answer("GET", "nodes/rack7/drain", {"moves": [], "hidden": 0})
    api.answer("POST", "nodes/rack7/drain", node(drain=_WISH))
    ran = cli("node", "drain", "rack7", "--deadline", "2h", "--force")
    assert ran.out.splitlines() == ["node rack7 is being drained", "nothing has to move"]
    assert api.asked[1].body == {"reason": "", "deadline_seconds": 7200.0, "force": True}


def test_what_cannot_move_is_said_with_the_reasons() -> None:
    move = {"deployment_id": "chat", "replicas": 2, "to": [], "stays": 2, "why": [_WHY]}
    assert plan_lines({"moves": [move], "hidden": 0}) == [
        "chat: 2 cannot move, fewer would be too few",
        "  rack8: memory: needs 4Gi, has 1Gi free",
    ]


@pytest.mark.parametrize("wrong", ["", "10", "m", "1w", "-1s", "1.5h"])
def test_a_deadline_that_is_no_time_is_refused(wrong: str) -> None:
    with pytest.raises(typer.BadParameter, match="90s"):
        seconds_of(wrong)


def _drained_step_by_step(api: ScriptedApi, *nodes: dict[str, object]) -> None:
    api.answer("POST", "nodes/rack7/drain", nodes[0])
    to = [{"node_id": "n3", "node_name": "rack9", "replicas": 1}]
    move = {"deployment_id": "chat", "replicas": 1, "to": to, "stays": 0, "why": []}
    api.answer("GET", "nodes/rack7/drain", {"moves": [move], "hidden": 0})
    api.answer("GET", "nodes/n1/drain", {"moves": [move], "hidden": 0})
    for each in nodes:
        api.answer("GET", "nodes/n1", each)


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(node_verbs, "_LOOK_SECONDS", 0.0)


@pytest.mark.usefixtures("at_once")
def test_a_drain_is_followed_until_nothing_is_left(cli: Cli, api: ScriptedApi) -> None:
    later = {**_WISH, "deadline_at": 1e12}
    _drained_step_by_step(api, node(drain=later), node(drain=later), node(True, drain=later))
    ran = cli("node", "drain", "rack7", "--watch")
    assert ran.code == 0, ran.err
    assert ran.out.splitlines() == [
        "node rack7 is being drained",
        "0 replicas left",
        "chat: 1 to rack9",
        "node rack7 is drained",
    ]


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize(
    ("then", "message"), [({"drain": _WISH}, "not drained by its deadline"), ({}, "not being drained any more")]
)
def test_a_drain_that_does_not_end_is_a_failure(cli: Cli, api: ScriptedApi, then: dict[str, Any], message: str) -> None:
    _drained_step_by_step(api, node(**then))
    ran = cli("node", "drain", "rack7", "--watch")
    assert ran.code == 1
    assert message in ran.err

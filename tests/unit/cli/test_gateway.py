"""`homeport gateway`, and what it asks for."""

import json

from tests.fakes.api import ScriptedApi
from tests.unit.cli.conftest import Cli

WORKER = {"id": "gateway-1", "pid": 42, "state": "serving", "version": "1.2.0", "nodes": 7}
GATEWAY = {"id": "central", "url": "http://127.0.0.1:8000", "wanted_workers": 2, "workers": [WORKER]}


def test_workers_are_listed(cli: Cli, api: ScriptedApi) -> None:
    api.answer("GET", "gateways", {"items": [GATEWAY]})
    out = cli("gateway", "list").out
    for expected in ("gateway-1", "serving", "1.2.0", "42"):
        assert expected in out
    assert json.loads(cli("gateway", "ls", "-o", "json").out) == [GATEWAY]


def test_their_number_is_changed(cli: Cli, api: ScriptedApi) -> None:
    api.answer("POST", "gateways/central/scale", GATEWAY)
    assert cli("gateway", "scale", "2").out == "the gateway at http://127.0.0.1:8000 goes to 2 workers\n"
    assert api.asked[0].body == {"workers": 2}
    assert cli("gateway", "scale", "0").code == 2


AWAY = {
    "id": "edge",
    "url": "https://edge.example:8000",
    "wanted_workers": 4,
    "workers": [],
    "host": "edge-1",
    "tunnels": ["edge.example:8444"],
    "state": "away",
    "last_heard": 0.0,
    "problem": "it is not connected",
}


def test_one_on_a_host_of_its_own_is_listed_also_while_it_is_away(cli: Cli, api: ScriptedApi) -> None:
    api.answer("GET", "gateways", {"items": [GATEWAY, AWAY]})
    out = cli("gateway", "list").out
    for expected in ("edge-1", "away", "edge.example:8444", "\nedge: it is not connected\n"):
        assert expected in out


def test_a_token_is_made_and_the_command_shown(cli: Cli, api: ScriptedApi) -> None:
    made = {"gateway": "edge", "token": "hp1.edge.x.y", "command": "homeport server --role gateway", "expires_at": 1.0}
    api.answer("POST", "gateways/edge/join-token", made, 201)
    assert "\n  homeport server --role gateway\n" in cli("gateway", "join-token", "edge", "--ttl", "60").out
    assert api.asked[0].body == {"ttl_seconds": 60}


def test_one_is_removed(cli: Cli, api: ScriptedApi) -> None:
    api.answer("DELETE", "gateways/edge", None, 204)
    assert cli("gateway", "remove", "edge", "--yes").out == "gateway edge removed\n"

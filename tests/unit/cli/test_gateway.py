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

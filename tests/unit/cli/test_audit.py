import json

from tests.fakes.api import ScriptedApi
from tests.unit.cli.conftest import Cli

DONE = {
    "number": 2,
    "at": 1_700_000_000.0,
    "actor": "user/admin",
    "request": "PATCH /api/v1/deployments/chat",
    "action": "edit",
    "kind": "deployment",
    "object_id": "chat",
    "result": "done",
    "reason": "",
    "address": "192.0.2.1",
}
DENIED = {
    **DONE,
    "number": 1,
    "actor": "",
    "action": "sign-in",
    "kind": "",
    "object_id": "",
    "result": "denied",
    "reason": "the access token is not valid",
}


def test_a_line_says_who_what_and_from_where(api: ScriptedApi, cli: Cli) -> None:
    api.answer("GET", "audit", {"items": [DONE, DENIED], "seq": 1, "next_cursor": None})
    ran = cli("audit", "list", "--kind", "model-version", "--id", "chat", "--hours", "24")
    assert ran.code == 0, ran.err
    done, denied = ran.out.splitlines()[1:]
    assert "user/admin  edit     deployment/chat" in done
    assert done.endswith("192.0.2.1")
    assert "PATCH /api/v1/deployments/chat  denied (the access token is not valid)" in denied
    asked = api.asked[0].query
    assert (asked["kind"], asked["object_id"], asked["limit"]) == ("model_version", "chat", "50")
    assert float(asked["since"]) > 1_700_000_000.0


def test_an_export_is_printed_as_it_comes(api: ScriptedApi, cli: Cli) -> None:
    lines = [json.dumps(entry) for entry in (DENIED, DONE)]
    api.answer("GET", "audit/export", "\n".join(lines).encode() + b"\n")
    ran = cli("audit", "export", "--denied")
    assert ran.out.splitlines() == lines
    assert api.asked[0].query == {"result": "denied"}

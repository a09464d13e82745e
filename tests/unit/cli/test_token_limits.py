import time

import pytest

from tests.fakes.api import ScriptedApi
from tests.unit.cli.conftest import Cli

ID = "5f2c9e01ab34"
USAGE = [
    {"name": "requests_per_minute", "limit": 60, "used": 12, "left": 48, "resets_at": time.time() + 3600},
    {"name": "tokens_in_total", "limit": 5_000_000, "used": 1_200_000, "left": 3_800_000, "resets_at": None},
]


def token(usage: list[dict[str, object]]) -> dict[str, object]:
    stamps = {"generation": 1, "seq": 1, "created_at": 0.0, "updated_at": 0.0}
    spec = {"name": "shop", "owner": "user/anna", "permissions": None, "models": None, "expires_at": None}
    return {"kind": "access_token", "id": ID, **stamps, "spec": spec, "status": {"usage": usage}}


def test_a_token_is_made_with_limits(cli: Cli, api: ScriptedApi) -> None:
    api.answer("POST", "access-tokens", {**token([]), "token": "hp1.a.b"}, 201)
    ran = cli(
        *("token", "create", "--name", "shop", "--requests-per-minute", "60", "--tokens-per-minute", "90_000"),
        *("--concurrent-requests", "4", "--budget", "tokens/month=5_000_000", "--budget", "requests/day=10"),
    )
    assert ran.code == 0, ran.err
    assert api.asked[-1].body["limits"] == {
        "requests_per_minute": 60,
        "tokens_per_minute": 90_000,
        "concurrent_requests": 4,
        "budgets": [
            {"counts": "tokens", "per": "month", "amount": 5_000_000},
            {"counts": "requests", "per": "day", "amount": 10},
        ],
    }


def test_limits_are_changed_and_then_shown(cli: Cli, api: ScriptedApi) -> None:
    api.answer("PATCH", f"access-tokens/{ID}", token(USAGE))
    api.answer("GET", f"access-tokens/{ID}", token(USAGE))
    out = cli("token", "limits", ID, "--requests-per-minute", "60", "--tokens-per-minute", "none").out
    assert api.asked[0].body == {"limits": {"requests_per_minute": 60, "tokens_per_minute": None}}
    assert "requests_per_minute" in out
    assert "3,800,000" in out


def test_limits_are_only_shown_where_nothing_is_named(cli: Cli, api: ScriptedApi) -> None:
    api.answer("GET", f"access-tokens/{ID}", token(USAGE))
    assert "3,800,000" in cli("token", "limits", ID).out
    assert "3,800,000" in cli("token", "get", ID).out
    assert [each.method for each in api.asked] == ["GET", "GET"]


def test_a_token_without_limits(cli: Cli, api: ScriptedApi) -> None:
    api.answer("GET", f"access-tokens/{ID}", token([]))
    assert cli("token", "limits", ID).out == "no limits\n"


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--requests-per-minute", "0"),
        ("--tokens-per-minute", "many"),
        ("--concurrent-requests", "-1"),
        ("--budget", "tokens=5"),
        ("--budget", "tokens/year=5"),
        ("--budget", "tokens/day=0"),
    ],
)
def test_what_is_no_limit_is_refused_before_anything_is_asked(
    cli: Cli, api: ScriptedApi, option: str, value: str
) -> None:
    ran = cli("token", "limits", ID, option, value)
    assert ran.code != 0
    assert "write" in ran.err
    assert not api.asked

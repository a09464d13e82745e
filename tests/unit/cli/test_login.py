"""Signing in and out on the command line; the token goes into the context file and nowhere else."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from homeport.client.contexts import Context, ContextFile, config_path
from tests.fakes.api import ScriptedApi, scripted_api
from tests.unit.cli.conftest import Cli

SESSION = "hp1.5e55.of-anna"
SIGNED_IN = {"subject": "user/anna", "session_id": "5e55", "expires_at": 1.7e9, "token": SESSION, "csrf_token": None}


@pytest.fixture
def server() -> Iterator[ScriptedApi]:
    """Not in the environment: that would win over what is remembered."""
    with scripted_api() as api:
        api.answer(
            "GET", "auth/methods", {"password": True, "sso": "https://id.example", "gateway_url": "http://gw:8000"}
        )
        api.answer("POST", "auth/login", SIGNED_IN)
        api.answer("POST", "auth/oidc/exchange", SIGNED_IN)
        api.answer("POST", "auth/logout", None, status=204)
        yield api


def _asked(server: ScriptedApi, path: str) -> object:
    return next(each.body for each in server.asked if each.path == f"/{path}")


def test_a_first_sign_in_makes_a_context_with_the_gateway_that_the_server_names(cli: Cli, server: ScriptedApi) -> None:
    ran = cli("login", "--api", server.url, "--user", "anna", stdin="a long password\n")
    assert ran.out.startswith("signed in as user/anna until ")
    assert _asked(server, "auth/login") == {"user": "anna", "password": "a long password"}
    assert ContextFile.load().get("default") == Context("default", server.url, "http://gw:8000", SESSION)
    assert config_path().stat().st_mode & 0o777 == 0o600
    assert SESSION not in ran.out + ran.err
    assert {each.authorization for each in server.asked} == {""}


def test_it_is_remembered_in_the_current_context_and_logout_forgets_it(cli: Cli, server: ScriptedApi) -> None:
    file = ContextFile.load()
    file.put(Context("prod", server.url, "http://own:1", "hp1.old.token"), make_current=True)
    file.save()
    assert cli("login", "-u", "anna", stdin="a long password\n").code == 0
    assert ContextFile.load().get("prod") == Context("prod", server.url, "http://own:1", SESSION)
    assert cli("logout").out == "signed out (context prod)\n"
    assert server.asked[-1].authorization == f"Bearer {SESSION}"
    assert ContextFile.load().get("prod").token == ""
    ran = cli("status")
    assert "nobody is signed in to context prod" in ran.err
    assert "homeport login" in ran.err


def test_a_token_made_by_hand_is_tried_and_stays_valid_when_it_is_forgotten(cli: Cli, server: ScriptedApi) -> None:
    server.answer("GET", "whoami", {"subject": "service_account/ci", "expires_at": None})
    assert cli("login", "--token", "--api", server.url, stdin="hp1.made.by-hand\n").code == 0
    assert ContextFile.load().get("default").token == "hp1.made.by-hand"
    server.answers["POST", "/auth/logout"] = [
        (409, {"error": {"code": "conflict", "message": "x", "hint": "to revoke it: homeport token delete made"}})
    ]
    assert "homeport token delete made" in cli("logout").out
    assert ContextFile.load().get("default").token == ""


def test_a_wrong_token_or_password_changes_nothing(cli: Cli, server: ScriptedApi) -> None:
    refused = {"error": {"code": "unauthenticated", "message": "no", "hint": ""}}
    server.answers["POST", "/auth/login"] = [(401, refused)]
    server.answer("GET", "whoami", refused, status=401)
    for way in (["--user", "anna"], ["--token"]):
        ran = cli("login", "--api", server.url, *way, stdin="wrong\n")
        assert (ran.code, "unauthenticated" in ran.err) == (1, True)
    assert ContextFile.load().contexts == {}


def test_a_session_that_has_ended_is_forgotten_all_the_same(cli: Cli, server: ScriptedApi) -> None:
    cli("login", "--api", server.url, "--user", "anna", stdin="a long password\n")
    server.answers["POST", "/auth/logout"] = [(401, {"error": {"code": "unauthenticated", "message": "ended"}})]
    assert cli("logout").code == 0
    assert ContextFile.load().get("default").token == ""


def test_sso_shows_an_address_and_takes_the_code_with_a_verifier_that_nobody_saw(cli: Cli, server: ScriptedApi) -> None:
    ran = cli("login", "--sso", "--api", server.url, stdin="the-code\n")
    assert f"{server.url}/api/v1/auth/oidc/start?cli_challenge=" in ran.out
    body = _asked(server, "auth/oidc/exchange")
    assert isinstance(body, dict)
    assert body["code"] == "the-code"
    assert body["verifier"] not in ran.out
    assert ContextFile.load().get("default").token == SESSION


def test_sso_where_there_is_none(cli: Cli, server: ScriptedApi) -> None:
    server.answers["GET", "/auth/methods"] = [(200, {"password": True, "sso": None, "gateway_url": "http://gw"})]
    ran = cli("login", "--sso", "--api", server.url)
    assert "homeport login --user" in ran.err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--user", "anna", "--context", "prod", "--api", "http://other"], "has addresses of its own"),
        (["--user", "anna", "--context", "nope"], "no context 'nope'"),
        (["--sso", "--token"], "choose one"),
        ([], "User was not given"),
    ],
)
def test_what_cannot_be_meant_is_refused(cli: Cli, server: ScriptedApi, arguments: list[str], says: str) -> None:
    file = ContextFile.load()
    file.put(Context("prod", server.url), make_current=True)
    file.save()
    assert says in cli("login", *arguments).err


def test_an_environment_that_would_win_is_named(cli: Cli, api: ScriptedApi) -> None:
    assert "unset HOMEPORT_API HOMEPORT_TOKEN" in cli("login", "--user", "anna", stdin="x\n").err
    assert api.asked == []


def test_a_password_is_set_for_others_and_with_the_old_one_for_oneself(cli: Cli, api: ScriptedApi) -> None:
    api.answer("GET", "whoami", {"subject": "user/anna"})
    for user in ("anna", "ben"):
        api.answer("POST", f"users/{user}/password", None, status=204)
    assert cli("user", "set-password", "ben", stdin="a new password\n").out == "password of ben set\n"
    assert api.asked[-1].body == {"password": "a new password"}
    assert cli("user", "set-password", stdin="the old one\na new password\n").out == "password of anna set\n"
    assert api.asked[-1].body == {"password": "a new password", "current": "the old one"}
    assert cli("user", "set-password", stdin="\na new password\n").code == 0
    assert api.asked[-1].body == {"password": "a new password"}


def test_a_file_with_contexts_keeps_them(cli: Cli, server: ScriptedApi, tmp_path: Path) -> None:
    file = ContextFile.load()
    file.put(Context("prod", "http://prod", token="hp1.prod.x"), make_current=True)
    file.save()
    assert cli("login", "--context", "lab", "--api", server.url, "-u", "anna", stdin="pw\n").code == 0
    listed = json.loads(cli("context", "list", "-o", "json").out)
    assert [(each["name"], each["current"]) for each in listed] == [("prod", False), ("lab", True)]
    assert ContextFile.load().get("prod").token == "hp1.prod.x"

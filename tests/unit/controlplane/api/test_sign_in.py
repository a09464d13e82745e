"""Signing in by password, what a session may, and what other sites' pages cannot do with it."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import aiohttp
import pytest

from controlplane.api.app import ROUTES
from controlplane.api.callers import SESSION_COOKIE
from controlplane.store.store import Kind
from tests.fakes.control_api import Answered, ControlApi

PASSWORD = "correct horse battery"
OTHER = "staple battery horse"


async def _anna(api: ControlApi) -> None:
    assert (await api.call("POST", "/users", {"id": "anna"})).status == 201
    binding = {"id": "annas", "role": "deployer", "subject": "user/anna"}
    assert (await api.call("POST", "/role-bindings", binding)).status == 201
    assert (await api.call("POST", "/users/anna/password", {"password": PASSWORD})).status == 204


async def _login(api: ControlApi, password: str = PASSWORD, user: str = "anna", **more: Any) -> Answered:
    body = {"user": user, "password": password, **more}
    return await api.call("POST", "/auth/login", body, headers={"Authorization": None})


async def _browser(api: ControlApi) -> dict[str, str | None]:
    """The headers of a browser that has signed in, and those that our own page adds."""
    answered = await _login(api, cookie=True)
    assert answered.body["token"] is None
    cookie = answered.headers["Set-Cookie"]
    api.session.cookie_jar.clear()
    return {
        "Authorization": None,
        "Cookie": cookie.partition(";")[0],
        "X-CSRF-Token": answered.body["csrf_token"],
        "Origin": api.url,
    }


async def test_a_session_on_the_command_line_is_a_token_of_its_user_until_it_signs_out(api: ControlApi) -> None:
    await _anna(api)
    answered = await _login(api)
    assert answered.status == 200
    assert answered.body["expires_at"] == api.wall() + 7 * 86_400
    token = answered.body["token"]
    who = (await api.call_as(token, "GET", "/whoami")).body
    assert (who["subject"], who["session"], who["csrf_token"]) == ("user/anna", "cli", None)
    assert [each["role"] for each in who["roles"]] == ["deployer"]
    assert (await api.call_as(token, "POST", "/auth/logout")).status == 204
    assert (await api.call_as(token, "GET", "/whoami")).status == 401


async def test_sessions_are_listed_and_revoked_like_tokens_and_cannot_be_made_longer(api: ControlApi) -> None:
    await _anna(api)
    token = (await _login(api)).body["token"]
    listed = (await api.call_as(token, "GET", "/access-tokens")).body["items"]
    assert [each["spec"]["session"] for each in listed] == ["cli"]
    id = listed[0]["id"]
    for answered in (
        await api.call_as(token, "PATCH", f"/access-tokens/{id}", {"expires_in_seconds": 1e8}),
        await api.call_as(token, "POST", f"/access-tokens/{id}/rotate", {}),
    ):
        assert (answered.status, answered.error["code"]) == (409, "conflict")
    assert (await api.call("DELETE", f"/access-tokens/{id}")).status == 204
    assert (await api.call_as(token, "GET", "/whoami")).status == 401


async def test_an_access_token_made_by_hand_is_not_signed_out(api: ControlApi) -> None:
    answered = await api.call("POST", "/auth/logout")
    assert answered.status == 409
    assert "homeport token delete" in answered.error["hint"]


@pytest.mark.parametrize("user", ["anna", "ben", "zoe", "carl"])
async def test_whatever_is_wrong_is_told_in_the_same_words(api: ControlApi, user: str) -> None:
    """A wrong password, no password, no such user, a disabled one."""
    await _anna(api)
    for id in ("ben", "carl"):
        await api.call("POST", "/users", {"id": id})
    await api.call("POST", "/users/carl/password", {"password": PASSWORD})
    await api.call("PATCH", "/users/carl", {"spec": {"disabled": True}, "generation": 1})
    answered = await _login(api, "wrong password" if user == "anna" else PASSWORD, user)
    assert answered.status == 401
    error = {**answered.error, "request_id": ""}
    assert error == {**(await _login(api, "x", "nobody")).error, "request_id": ""}


async def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(api: ControlApi) -> None:
    await _anna(api)
    cookie = (await _login(api, cookie=True)).headers["Set-Cookie"]
    assert cookie.startswith(f"{SESSION_COOKIE}=hp1.")
    assert {"HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=604800"} <= set(cookie.split("; "))
    assert "Domain" not in cookie


async def test_by_https_it_is_bound_to_this_host(api_by_https: ControlApi) -> None:
    await _anna(api_by_https)
    cookie = (await _login(api_by_https, cookie=True)).headers["Set-Cookie"]
    assert cookie.startswith(f"__Host-{SESSION_COOKIE}=hp1.")
    assert {"Secure", "HttpOnly", "SameSite=Lax", "Path=/"} <= set(cookie.split("; "))
    assert "Domain" not in cookie


WRITE = ("POST", "/projects", {"id": "new"})
READ = ("GET", "/projects", None)
EVIL = "https://evil.example"


@pytest.mark.parametrize(
    ("call", "changed", "status"),
    [
        (READ, {}, 200),
        (READ, {"X-CSRF-Token": None, "Origin": None}, 200),
        (READ, {"Origin": EVIL}, 403),
        (WRITE, {}, 201),
        (WRITE, {"Origin": None}, 201),
        (WRITE, {"X-CSRF-Token": None}, 403),
        (WRITE, {"X-CSRF-Token": None, "Origin": None}, 403),
        (WRITE, {"X-CSRF-Token": ""}, 403),
        (WRITE, {"X-CSRF-Token": "0" * 64}, 403),
        (WRITE, {"X-CSRF-Token": "\xe9\xff"}, 403),
        (WRITE, {"Origin": EVIL}, 403),
        (WRITE, {"Origin": "null"}, 403),
        (WRITE, {"Origin": EVIL, "X-CSRF-Token": None}, 403),
        (("DELETE", "/projects/red", None), {"X-CSRF-Token": None}, 403),
        (("PATCH", "/projects/red", {"spec": {}, "generation": 1}), {"X-CSRF-Token": None}, 403),
        (("POST", "/auth/logout", None), {"X-CSRF-Token": None}, 403),
        (("POST", "/auth/logout", None), {}, 204),
        (("GET", "/watch", None), {"Connection": "Upgrade", "Upgrade": "websocket", "Origin": EVIL}, 403),
        (("GET", "/watch", None), {"Connection": "Upgrade", "Upgrade": "websocket", "Origin": None}, 403),
    ],
)
async def test_what_a_cookie_can_do_depends_on_the_page_that_sends_it(
    api: ControlApi, call: tuple[str, str, Any], changed: Mapping[str, str | None], status: int
) -> None:
    await _anna(api)
    operator = {"id": "annas-too", "role": "operator", "subject": "user/anna"}
    await api.call("POST", "/role-bindings", operator)
    await api.call("POST", "/projects", {"id": "red"})
    headers = {**await _browser(api), **changed}
    before = api.store.seq
    answered = await api.call(*call, headers=headers)
    assert answered.status == status, answered.body
    if status == 403:
        assert api.store.all(Kind.PROJECT)[0].id == "red"
        assert len(api.store.all(Kind.PROJECT)) == 1
        assert api.store.seq == before


async def test_a_csrf_token_is_of_one_session_and_our_page_can_ask_for_it_again(api: ControlApi) -> None:
    await _anna(api)
    one, other = await _browser(api), await _browser(api)
    assert one["X-CSRF-Token"] != other["X-CSRF-Token"]
    crossed = {**one, "X-CSRF-Token": other["X-CSRF-Token"]}
    assert (await api.call("POST", "/auth/logout", headers=crossed)).status == 403
    who = (await api.call("GET", "/whoami", headers={**one, "X-CSRF-Token": None})).body
    assert (who["session"], who["csrf_token"]) == ("browser", one["X-CSRF-Token"])


async def test_another_sites_page_signs_nobody_in(api: ControlApi) -> None:
    await _anna(api)
    body = {"user": "anna", "password": PASSWORD, "cookie": True}
    forged = await api.call("POST", "/auth/login", body, headers={"Authorization": None, "Origin": EVIL})
    assert forged.status == 403
    assert "Set-Cookie" not in forged.headers
    form = {"Authorization": None, "Content-Type": "text/plain"}
    assert (await api.call("POST", "/auth/login", data=json.dumps(body), headers=form)).status == 415


async def test_an_access_token_in_the_cookie_opens_nothing(api: ControlApi) -> None:
    headers = {"Authorization": None, "Cookie": f"{SESSION_COOKIE}={api.token}"}
    assert (await api.call("GET", "/whoami", headers=headers)).status == 401


async def test_the_cookie_of_a_session_that_has_ended_keeps_nobody_from_signing_in(api: ControlApi) -> None:
    await _anna(api)
    browser = await _browser(api)
    assert (await api.call("POST", "/auth/logout", headers=browser)).status == 204
    for _ in range(12):
        assert (await api.call("GET", "/whoami", headers=browser)).status in (401, 429)
    again = await _browser(api)
    assert (await api.call("GET", "/whoami", headers=again)).status == 200


async def test_one_changes_ones_own_password_with_the_old_one_and_other_sessions_end(api: ControlApi) -> None:
    await _anna(api)
    mine, other = (await _login(api)).body["token"], (await _login(api)).body["token"]
    path = "/users/anna/password"
    for body, status, at in [
        ({"password": OTHER}, 400, "current"),
        ({"password": OTHER, "current": "wrong"}, 403, "current"),
        ({"password": "short", "current": PASSWORD}, 400, "password"),
    ]:
        answered = await api.call_as(mine, "POST", path, body)
        assert (answered.status, answered.error["path"]) == (status, at)
        assert "short" not in str(answered.body)
    assert (await api.call_as(mine, "POST", path, {"password": OTHER, "current": PASSWORD})).status == 204
    assert (await api.call_as(mine, "GET", "/whoami")).status == 200
    assert (await api.call_as(other, "GET", "/whoami")).status == 401
    assert (await _login(api)).status == 401
    assert (await _login(api, OTHER)).status == 200


async def test_an_administrator_sets_anybodys_and_all_sessions_of_that_user_end(api: ControlApi) -> None:
    await _anna(api)
    token = (await _login(api)).body["token"]
    assert (await api.call("POST", "/users/anna/password", {"password": OTHER})).status == 204
    assert (await api.call_as(token, "GET", "/whoami")).status == 401
    assert (await _login(api, OTHER)).status == 200
    assert (await api.call("POST", "/users/zoe/password", {"password": OTHER})).status == 404


async def test_a_limited_token_does_not_set_its_owners_password(api: ControlApi) -> None:
    await api.token_of("viewer", user="ben")
    limited = {"name": "x", "owner": "user/ben", "permissions": ["deployments.read"]}
    token = (await api.call("POST", "/access-tokens", limited)).body["token"]
    answered = await api.call_as(token, "POST", "/users/ben/password", {"password": OTHER})
    assert answered.status == 404
    assert api.store.get(Kind.PASSWORD, "ben") is None


async def test_guessing_is_slow_also_all_at_once_and_the_right_one_waits_too(api: ControlApi) -> None:
    await _anna(api)
    answers = await asyncio.gather(*(_login(api, f"guess number {number}") for number in range(30)))
    statuses = sorted(each.status for each in answers)
    # Five are free for a user, then each one waits: none of the others was looked at.
    assert statuses == [401] * 5 + [429] * 25
    late = await _login(api)
    assert late.status == 429
    assert int(late.headers["Retry-After"]) >= 1
    api.clock.advance(2)
    assert (await _login(api)).status == 200


async def test_the_names_of_users_are_not_found_out_ten_a_minute_at_most(api: ControlApi) -> None:
    assert (await api.call("GET", "/whoami")).status == 200
    answers = [await _login(api, user=f"user-{number}") for number in range(15)]
    assert [each.status for each in answers] == [401] * 10 + [429] * 5
    assert (await api.call("GET", "/whoami")).status == 200


async def test_sign_ins_failures_and_sign_outs_are_in_the_audit_log_without_the_password(api: ControlApi) -> None:
    await _anna(api)
    await _login(api, "wrong password")
    await _login(api, "wrong password", "typed-my-secret-here")
    token = (await _login(api)).body["token"]
    await api.call_as(token, "POST", "/auth/logout")
    entries = (await api.call("GET", "/audit?limit=50")).body["items"]
    said = [(each["actor"], each["action"], each["kind"], each["object_id"], each["result"]) for each in entries]
    assert said[:6] == [
        ("user/anna", "delete", "access_token", token.split(".")[1], "done"),
        ("user/anna", "sign-out", "user", "anna", "done"),
        ("user/anna", "create", "access_token", token.split(".")[1], "done"),
        ("user/anna", "sign-in", "user", "anna", "done"),
        ("", "sign-in", "user", "", "denied"),
        ("", "sign-in", "user", "anna", "denied"),
    ]
    text = json.dumps(entries)
    for secret in (PASSWORD, "wrong password", "typed-my-secret-here", "argon2id", token.split(".")[2]):
        assert secret not in text


async def test_no_list_or_object_shows_a_hash(api: ControlApi) -> None:
    await _anna(api)
    for route in api.routes:
        if route.method == "GET" and route.many:
            path = route.path.replace("{user}", "anna")
            assert "$argon2" not in json.dumps((await api.call("GET", path)).body), path
    assert "$argon2" not in json.dumps((await api.call("GET", "/users/anna")).body)


def test_the_table_has_all_public_routes(api: ControlApi) -> None:
    """Whoever adds one thinks of whom it lets in."""
    public = {f"{route.method} {route.path}" for route in api._app[ROUTES] if route.public}
    assert public == {
        "GET /healthz",
        "GET /auth/methods",
        "POST /auth/login",
        "GET /auth/oidc/start",
        "GET /auth/oidc/callback",
        "POST /auth/oidc/exchange",
    }


async def test_methods_are_told_to_whoever_asks(api: ControlApi) -> None:
    answered = await api.call("GET", "/auth/methods", headers={"Authorization": None})
    assert answered.body == {"password": True, "sso": None, "gateway_url": "http://127.0.0.1:8000"}


async def test_a_watch_opens_with_a_cookie_from_our_own_page(api: ControlApi) -> None:
    await _anna(api)
    headers = {name: value for name, value in (await _browser(api)).items() if value and name != "X-CSRF-Token"}
    async with api.session.ws_connect(f"{api.url}/api/v1/watch", headers=headers) as socket:
        await socket.send_json({"topics": ["projects"]})
        assert (await socket.receive(60)).type is aiohttp.WSMsgType.TEXT

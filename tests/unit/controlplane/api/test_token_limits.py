"""Limits of access tokens in the API."""

from typing import Any

import pytest

from tests.fakes.control_api import ControlApi

BUDGET = {"counts": "tokens", "per": "month", "amount": 1000}


async def make(api: ControlApi, limits: dict[str, Any] | None) -> tuple[str, dict[str, Any]]:
    made = (await api.call("POST", "/access-tokens", {"name": "test", "limits": limits})).body
    return f"/access-tokens/{made['id']}", made


async def test_limits_are_shown_and_changed_one_by_one(api: ControlApi) -> None:
    path, made = await make(api, {"requests_per_minute": 60, "budgets": [BUDGET]})
    none = {"requests_per_minute": None, "tokens_per_minute": None, "concurrent_requests": None, "budgets": None}
    assert {**none, **made["spec"]["limits"]} == {**none, "requests_per_minute": 60, "budgets": [BUDGET]}
    edited = (await api.call("PATCH", path, {"limits": {"concurrent_requests": 4, "budgets": None}})).body
    assert {**none, **edited["spec"]["limits"]} == {**none, "requests_per_minute": 60, "concurrent_requests": 4}
    assert edited["spec"]["name"] == "test"
    gone = (await api.call("PATCH", path, {"limits": {"concurrent_requests": None, "requests_per_minute": None}})).body
    assert gone["spec"]["limits"] is None
    await api.call("PATCH", path, {"limits": {"tokens_per_minute": 5}})
    assert (await api.call("PATCH", path, {"limits": None})).body["spec"]["limits"] is None


@pytest.mark.parametrize(
    ("limits", "path"),
    [
        ({"requests_per_minute": 0}, "access_token.limits.requests_per_minute"),
        ({"tokens_per_minute": "many"}, "access_token.limits.tokens_per_minute"),
        ({"concurrent_requests": -1}, "access_token.limits.concurrent_requests"),
        ({"requests_per_hour": 5}, "access_token.limits.requests_per_hour"),
        ({"budgets": [{**BUDGET, "per": "year"}]}, "access_token.limits.budgets.0.per"),
        ({"budgets": [{**BUDGET, "amount": 0}]}, "access_token.limits.budgets.0.amount"),
        ({"budgets": [BUDGET, {**BUDGET, "amount": 5}]}, "access_token.limits.budgets"),
    ],
)
async def test_what_is_no_limit_is_refused_by_its_field(api: ControlApi, limits: dict[str, Any], path: str) -> None:
    answer = await api.call("POST", "/access-tokens", {"name": "test", "limits": limits})
    assert (answer.status, answer.body["error"]["path"]) == (400, path)


async def test_who_is_limited_cannot_lift_that(api: ControlApi) -> None:
    token = await api.token_of("operator", user="anna")
    own = f"/access-tokens/{token.split('.')[1]}"
    assert (await api.call("PATCH", own, {"limits": {"requests_per_minute": 60}})).status == 200
    for method, path, body in (("PATCH", own, {"limits": None}), ("POST", "/access-tokens", {"name": "more"})):
        refused = await api.call_as(token, method, path, body)
        assert (refused.status, refused.body["error"]["code"]) == (403, "permission_denied")

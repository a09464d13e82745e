"""Who may invoke what: every role, and tokens that are for some models only."""

import json
from collections.abc import Iterable
from dataclasses import replace

import pytest

from homeport.core.access.grants import Grant, Grants
from homeport.core.access.role import Role
from homeport.core.access.scope import parse_scope
from tests.fakes.data_plane import DataPlane, TestPrincipal
from tests.fakes.model_server import ModelServer

CHAT = b'{"model": "chat"}'


def principal(*held: str, models: Iterable[str] | None = None) -> TestPrincipal:
    grants = [Grant(Role(role), parse_scope(scope)) for role, _, scope in (each.partition(" ") for each in held)]
    return TestPrincipal("limited", Grants(tuple(grants)), None if models is None else frozenset(models))


@pytest.mark.parametrize(
    ("held", "models", "chat", "talk"),
    [
        (["invoker organisation"], None, 200, 503),
        (["deployer organisation"], None, 200, 503),
        (["operator organisation"], None, 200, 503),
        (["admin organisation"], None, 200, 503),
        (["viewer organisation"], None, 403, 403),
        ([], None, 404, 404),
        (["invoker project/red"], None, 200, 404),
        (["invoker deployment/talk"], None, 404, 503),
        (["invoker nodepool/office/gpu"], None, 200, 404),
        (["invoker cluster/west"], None, 404, 503),
        (["viewer project/red"], None, 403, 404),
        (["invoker organisation"], ["chat"], 200, 403),
        (["invoker organisation"], ["other-model"], 403, 503),
        (["invoker project/red"], ["talk"], 403, 404),
    ],
)
async def test_every_role_at_the_gateway(held: list[str], models: list[str] | None, chat: int, talk: int) -> None:
    async with DataPlane(project="red", nodepools=("office/gpu",)) as plane:
        await plane.serve(ModelServer())
        other = replace(plane.route, deployment_id="talk", model_id="other-model", project="blue",
                        nodepools=("west/gpu",), placements={},
                        policy=replace(plane.route.policy, hold_seconds=0))  # fmt: skip
        plane.table.put(other)
        plane.principals["limited"] = principal(*held, models=models)
        client = await plane.connect()
        for name, status in (("chat", chat), ("talk", talk)):
            by_path = await client.ask("GET", f"/d/{name}/x", token="limited")
            by_header = await client.ask("GET", "/x", headers=f"x-homeport-deployment: {name}\r\n", token="limited")
            body = json.dumps({"model": name}).encode()
            by_body = await client.ask("POST", "/v1/chat/completions", body, token="limited")
            assert [by_path[0], by_header[0], by_body[0]] == [status] * 3, name
            if status == 403:
                assert json.loads(by_body[2])["error"]["code"] == "permission_denied"
        listed = json.loads((await client.ask("GET", "/v1/models", token="limited"))[2])["data"]
        assert [each["id"] for each in listed] == [
            n for n, s in (("chat", chat), ("talk", talk)) if s not in (403, 404)
        ]


async def test_what_is_hidden_is_told_as_what_does_not_exist() -> None:
    async with DataPlane() as plane:
        plane.principals["limited"] = principal("invoker deployment/other")
        client = await plane.connect()
        for ask in ("/d/{}/x", "/v1/models/{}"):
            there, gone = [(await client.ask("GET", ask.format(n), token="limited"))[2] for n in ("chat", "gone")]
            errors = [json.loads(each)["error"] | {"request_id": ""} for each in (there, gone)]
            errors[1]["message"] = errors[1]["message"].replace("gone", "chat")
            assert errors[0] == errors[1]


async def test_a_model_leads_to_the_one_deployment_that_is_seen() -> None:
    async with DataPlane(project="red") as plane:
        await plane.serve(ModelServer())
        plane.table.put(replace(plane.route, deployment_id="talk", project="blue", placements={}))
        plane.principals["limited"] = principal("invoker project/red")
        client = await plane.connect()
        body = b'{"model": "tiny"}'
        assert (await client.ask("POST", "/v1/chat/completions", body))[0] == 409
        assert (await client.ask("POST", "/v1/chat/completions", body, token="limited"))[0] == 200


async def test_a_revoked_token_is_refused_within_seconds_on_a_connection_that_stays_open() -> None:
    async with DataPlane() as plane:
        await plane.serve(ModelServer())
        now = [0.0]
        plane.gateway.tokens._clock = lambda: now[0]
        plane.principals["limited"] = principal("invoker organisation")
        client = await plane.connect()
        assert (await client.ask("POST", "/v1/chat/completions", CHAT, token="limited"))[0] == 200
        del plane.principals["limited"]
        now[0] = 5.0
        assert (await client.ask("POST", "/v1/chat/completions", CHAT, token="limited"))[0] == 401


async def test_key_is_as_good_as_bearer() -> None:
    async with DataPlane() as plane:
        plane.principals["limited"] = principal("invoker organisation")
        client = await plane.connect()
        client.writer.write(b"GET /v1/models HTTP/1.1\r\nhost: gateway\r\nauthorization: Key limited\r\n\r\n")
        assert (await client.answer())[0] == 200


async def test_a_deployment_that_moves_to_another_project_is_judged_anew_at_once() -> None:
    """What was found for its policy is remembered for the caller, and ends with that policy."""
    async with DataPlane(project="red") as plane:
        await plane.serve(ModelServer())
        plane.principals["limited"] = principal("invoker project/red")
        client = await plane.connect()
        statuses = []
        for project in ("red", "blue", "red"):
            plane.table.put(replace(plane.route, project=project))
            statuses += [(await client.ask("POST", "/d/chat/x", b"{}", token="limited"))[0] for _ in range(2)]
        assert statuses == [200, 200, 404, 404, 200, 200]
        client.close()

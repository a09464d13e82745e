"""What people see and do with roles that hold in a part only, and what becomes of their tokens."""

import asyncio
from typing import Any

import aiohttp
import pytest

from controlplane.auth.last_uses import LastUses
from controlplane.store.store import Kind
from homeport.core.status import ReplicaStatus
from tests.fakes.control_api import DEPLOYMENT, POOL, VERSION, ControlApi

WEST = {"id": "gpu", "compute_cluster": {"id": "west"}}


async def put_two_sites(api: ControlApi) -> None:
    """Projects red (deployment chat, on office) and blue (deployment talk, on west), and a model of each."""
    for path, body in [
        ("/projects", {"id": "red"}),
        ("/projects", {"id": "blue"}),
        ("/clusters", {"id": "office"}),
        ("/clusters", {"id": "west"}),
        ("/nodepools", POOL),
        ("/nodepools", WEST),
        ("/nodepools", {"id": "own", "compute_cluster": {"id": "west"}, "tenancy": "dedicated", "project": "red"}),
        ("/models", {"id": "smollm2", "project": "red"}),
        ("/models/smollm2/versions", VERSION),
        ("/models", {"id": "bert", "project": "blue"}),
        ("/models/bert/versions", VERSION),
        ("/deployments", {**DEPLOYMENT, "project": "red"}),
        ("/deployments", {"id": "talk", "worker": {"model": {"id": "bert"}}, "nodepools": [WEST], "project": "blue"}),
    ]:
        assert (await api.call("POST", path, body)).status == 201, body
    for name, pool, deployment in (("gpu-1", "office/gpu", "chat"), ("gpu-2", "west/gpu", "talk")):
        node_id = await api.put_node(name, pool)
        api.report(node_id, f"replica-{name}", ReplicaStatus.READY, deployment_id=deployment)


LISTS = ("projects", "clusters", "nodepools", "nodes", "models", "deployments", "replicas", "users", "role-bindings")


@pytest.mark.parametrize(
    ("roles", "seen"),
    [
        (["viewer project/red"], "red,own,smollm2,chat,replica-gpu-1"),
        (["deployer project/blue"], "blue,bert,talk,replica-gpu-2"),
        (["viewer cluster/west"], "west,west/gpu,west/own,node-gpu-2,talk,replica-gpu-2"),
        (["viewer nodepool/office/gpu"], "office/gpu,node-gpu-1,chat,replica-gpu-1"),
        (["viewer deployment/talk"], "talk,replica-gpu-2"),
        (["viewer project/red", "viewer deployment/talk"], "red,own,smollm2,chat,talk,replica-gpu-1,replica-gpu-2"),
        (["invoker"], ""),
        (["admin project/red"], "red,own,smollm2,chat,replica-gpu-1,user-1-0"),
    ],
)
async def test_lists_watches_and_items_show_what_may_be_seen(api: ControlApi, roles: list[str], seen: str) -> None:
    await put_two_sites(api)
    token = await api.token_of(*roles)
    found = set()
    for listing in LISTS:
        every = [each["id"] for each in (await api.call("GET", f"/{listing}")).body["items"]]
        answered = await api.call_as(token, "GET", f"/{listing}")
        ids = [each["id"] for each in answered.body["items"]] if answered.status == 200 else []
        assert answered.status == 200 or answered.error["code"] == "permission_denied"
        found |= set(ids)
        if listing != "replicas":
            for id in every:
                item = await api.call_as(token, "GET", f"/{listing}/{id}")
                assert (item.status == 200) == (id in ids), f"{listing}/{id}"
    wanted = {"west/own" if id == "own" else id for id in seen.split(",") if id}
    assert found == wanted
    assert await watched(api, token) == wanted


async def watched(api: ControlApi, token: str) -> set[str]:
    """Ids in the snapshots of all topics that it may watch."""
    found: set[str] = set()
    headers = {"Authorization": f"Bearer {token}"}
    for topic in LISTS:
        async with api.session.ws_connect(f"{api.url}/api/v1/watch", headers=headers) as socket:
            await socket.send_json({"topics": [topic]})
            message = await socket.receive_json(timeout=60)
            if message["type"] == "error":
                assert message["error"]["code"] == "permission_denied"
            else:
                found |= {each["id"] for each in message["items"]}
    return found


async def test_a_watch_tells_what_comes_into_sight_and_goes_out_of_it(api: ControlApi) -> None:
    await put_two_sites(api)
    headers = {"Authorization": f"Bearer {await api.token_of('viewer project/red')}"}
    async with api.session.ws_connect(f"{api.url}/api/v1/watch", headers=headers) as socket:
        await socket.send_json({"topics": ["deployments"]})
        assert [each["id"] for each in (await socket.receive_json(timeout=60))["items"]] == ["chat"]
        await api.call("PATCH", "/deployments/talk?force=true", {"spec": {"hold_seconds": 7}})
        await api.call("PATCH", "/deployments/talk?force=true", {"spec": {"project": "red"}})
        delta = await next_of(socket, "delta")
        assert [(each["op"], each["id"], each["object"]["spec"]["project"]) for each in delta["changes"]] == [
            ("put", "talk", "red")
        ]
        await api.call("PATCH", "/deployments/talk?force=true", {"spec": {"project": "blue"}})
        assert (await next_of(socket, "delta"))["changes"] == [
            {"op": "delete", "kind": "deployment", "id": "talk", "object": None}
        ]


async def next_of(socket: aiohttp.ClientWebSocketResponse, type: str) -> dict[str, Any]:
    """The next message of that type which says anything."""
    while True:
        message: dict[str, Any] = await socket.receive_json(timeout=60)
        if message["type"] == type and (type != "delta" or message["changes"]):
            return message


async def test_who_sees_a_part_is_told_everything_anew_when_it_comes_back(api: ControlApi) -> None:
    await put_two_sites(api)
    headers = {"Authorization": f"Bearer {await api.token_of('viewer project/red')}"}
    async with api.session.ws_connect(f"{api.url}/api/v1/watch", headers=headers) as socket:
        await socket.send_json({"topics": ["deployments"], "since": api.store.seq, "store_id": api.store.store_id})
        assert (await socket.receive_json(timeout=60))["type"] == "resync"
        assert [each["id"] for each in (await socket.receive_json(timeout=60))["items"]] == ["chat"]


async def test_a_watch_follows_the_watchers_roles_and_ends_with_its_token(api: ControlApi) -> None:
    await put_two_sites(api)
    token = await api.token_of("viewer project/red", user="anna")
    headers = {"Authorization": f"Bearer {token}"}
    async with api.session.ws_connect(f"{api.url}/api/v1/watch", headers=headers) as socket:
        await socket.send_json({"topics": ["deployments"]})
        assert len((await socket.receive_json(timeout=60))["items"]) == 1
        binding = {"id": "more", "role": "viewer", "subject": "user/anna", "scope": "project/blue"}
        assert (await api.call("POST", "/role-bindings", binding)).status == 201
        assert (await next_of(socket, "resync"))["reason"] == "what you may see has changed"
        assert len((await next_of(socket, "snapshot"))["items"]) == 2
        assert (await api.call("DELETE", f"/access-tokens/{token.split('.')[1]}")).status == 204
        assert (await next_of(socket, "error"))["error"]["code"] == "unauthenticated"


async def test_a_log_stream_ends_with_its_readers_token(api: ControlApi) -> None:
    await put_two_sites(api)
    api.logs.chunks["replica-gpu-1"] = [b"hello\n"]
    token = await api.token_of("deployer project/red")
    url, headers = f"{api.url}/api/v1/deployments/chat/logs?follow=true", {"Authorization": f"Key {token}"}
    async with api.session.get(url, headers=headers) as response:
        assert await response.content.readline() == b"hello\n"
        assert (await api.call("DELETE", f"/access-tokens/{token.split('.')[1]}")).status == 204
        with pytest.raises(aiohttp.ClientError):
            await asyncio.wait_for(response.content.read(), 60)
    await asyncio.wait_for(api.logs.closed.wait(), 60)


@pytest.mark.parametrize(
    ("roles", "method", "path", "body", "status"),
    [
        # A deployer of red makes things in red, of what it sees.
        (["deployer project/red"], "POST", "/models", {"id": "x", "project": "red"}, 201),
        (["deployer project/red"], "POST", "/models", {"id": "x"}, 403),
        (["deployer project/red"], "POST", "/models", {"id": "x", "project": "blue"}, 403),
        (["deployer project/red"], "PATCH", "/deployments/chat?force=true", {"spec": {"hold_seconds": 5}}, 200),
        (["deployer project/red"], "PATCH", "/deployments/talk?force=true", {"spec": {"hold_seconds": 5}}, 404),
        # It cannot give what it has away, nor take in what is another's.
        (["deployer project/red"], "PATCH", "/deployments/chat?force=true", {"spec": {"project": "blue"}}, 404),
        (["deployer project/red", "viewer project/blue"], "PATCH", "/deployments/chat?force=true",
         {"spec": {"project": "blue"}}, 403),
        (["deployer project/red", "deployer project/blue"], "PATCH", "/deployments/chat?force=true",
         {"spec": {"project": "blue"}}, 200),
        (["deployer project/red"], "POST", "/deployments",
         {**DEPLOYMENT, "id": "x", "project": "red", "worker": {"model": {"id": "bert"}}}, 404),
        (["deployer project/red"], "POST", "/deployments",
         {**DEPLOYMENT, "id": "x", "project": "red", "nodepools": [WEST]}, 404),
        (["deployer project/red"], "POST", "/deployments", {**DEPLOYMENT, "id": "x", "project": "red",
         "nodepools": [{"id": "own", "compute_cluster": {"id": "west"}}]}, 201),
        (["deployer project/red", "viewer cluster/west"], "POST", "/deployments",
         {**DEPLOYMENT, "id": "x", "project": "red", "nodepools": [WEST]}, 201),
        (["deployer cluster/west", "viewer"], "POST", "/deployments",
         {**DEPLOYMENT, "id": "x", "nodepools": [WEST]}, 201),
        (["deployer cluster/west", "viewer"], "POST", "/deployments", {**DEPLOYMENT, "id": "x"}, 403),
        (["operator project/red"], "POST", "/nodepools",
         {"id": "x", "compute_cluster": {"id": "west"}, "tenancy": "dedicated", "project": "red"}, 403),
        (["operator cluster/west"], "POST", "/nodepools", {"id": "x", "compute_cluster": {"id": "west"}}, 201),
        (["operator cluster/west"], "POST", "/nodepools", {"id": "x", "compute_cluster": {"id": "office"}}, 403),
        (["operator cluster/west"], "POST", "/nodepools?create_missing=true",
         {"id": "x", "compute_cluster": {"id": "new"}}, 403),
        (["operator project/red"], "PATCH", "/nodepools/west/own?force=true",
         {"spec": {"tenancy": "shared", "project": ""}}, 403),
        (["operator cluster/west"], "POST", "/join-tokens", {"nodepool": WEST}, 201),
        (["operator cluster/west"], "POST", "/join-tokens", {"nodepool": POOL}, 404),
        (["operator nodepool/west/gpu"], "DELETE", "/nodes/gpu-1", None, 404),
        (["operator cluster/west", "viewer"], "DELETE", "/nodes/gpu-1", None, 403),
        (["deployer project/red"], "POST", "/apply", {"documents": [{"model": {"id": "bert", "project": "red"}}]}, 403),
        (["deployer project/red"], "POST", "/apply",
         {"documents": [{"model": {"id": "x", "project": "red"}}, {"compute_cluster": {"id": "x"}}]}, 403),
        (["deployer project/red"], "POST", "/apply",
         {"documents": [{"deployment": {**DEPLOYMENT, "project": "red", "hold_seconds": 9}}]}, 200),
        # Who administers a project says who may do what there, and nowhere else.
        (["admin project/red"], "POST", "/role-bindings",
         {"id": "x", "role": "deployer", "subject": "user/admin", "scope": "project/red"}, 201),
        (["admin project/red"], "POST", "/role-bindings",
         {"id": "x", "role": "deployer", "subject": "user/admin", "scope": "project/blue"}, 403),
        (["admin project/red"], "POST", "/role-bindings", {"id": "x", "role": "viewer", "subject": "user/admin"}, 403),
        (["admin project/red"], "POST", "/access-tokens", {"name": "x", "owner": "user/admin"}, 403),
        (["operator"], "POST", "/role-bindings", {"id": "x", "role": "viewer", "subject": "user/admin"}, 403),
    ],
)  # fmt: skip
async def test_what_may_be_written(
    api: ControlApi, roles: list[str], method: str, path: str, body: Any, status: int
) -> None:
    await put_two_sites(api)
    token = await api.token_of(*roles)
    before = api.store.seq
    answered = await api.call_as(token, method, path, body)
    assert answered.status == status, answered.body
    assert (api.store.seq == before) == (status >= 400)


async def test_a_hint_names_nothing_that_may_not_be_seen(api: ControlApi) -> None:
    await put_two_sites(api)
    token = await api.token_of("deployer project/red")
    for path in ("/deployments/tal", "/models/bertt", "/clusters/wes"):
        error = (await api.call_as(token, "GET", path)).error
        assert not {"talk", "bert", "west"} & set(error["hint"].split())
    body = {**DEPLOYMENT, "id": "x", "project": "red", "nodepools": [{"id": "gp", "compute_cluster": {"id": "west"}}]}
    assert "gpu" not in str((await api.call_as(token, "POST", "/deployments", body)).error["hint"])


async def test_status_counts_what_may_be_seen(api: ControlApi) -> None:
    await put_two_sites(api)
    mine = (await api.call_as(await api.token_of("viewer project/red"), "GET", "/status")).body
    assert (mine["nodes"]["total"], mine["deployments"]["total"], mine["replicas"]["total"]) == (0, 1, 1)
    every = (await api.call("GET", "/status")).body
    assert (every["nodes"]["total"], every["deployments"]["total"], every["replicas"]["total"]) == (2, 2, 2)


async def test_impact_names_what_may_be_seen(api: ControlApi) -> None:
    await put_two_sites(api)
    token = await api.token_of("viewer nodepool/west/gpu", "viewer cluster/office")
    assert (await api.call("GET", "/nodepools/office/gpu/impact")).body["blocked_by"] == [
        {"kind": "node", "id": "node-gpu-1"},
        {"kind": "deployment", "id": "chat"},
    ]
    blocked = (await api.call_as(token, "GET", "/nodepools/office/gpu/impact")).body["blocked_by"]
    assert {each["id"] for each in blocked} == {"node-gpu-1", "chat"}
    project = (await api.call_as(await api.token_of("viewer project/red"), "GET", "/projects/red/impact")).body
    assert {each["id"] for each in project["blocked_by"]} == {"west/own", "smollm2", "chat"}


# ---- tokens


async def test_a_token_is_shown_once(api: ControlApi) -> None:
    made = (await api.call("POST", "/access-tokens", {"name": "laptop", "expires_in_seconds": 60})).body
    assert (made["spec"]["owner"], made["spec"]["created_by"]) == ("user/admin", "user/admin")
    assert made["spec"]["expires_at"] == api.wall() + 60
    secret = made["token"].split(".")[2]
    for path in ("/access-tokens", f"/access-tokens/{made['id']}", "/whoami", f"/access-tokens/{made['id']}/impact"):
        text = str((await api.call_as(made["token"], "GET", path)).body)
        assert secret not in text
        assert "sha256" not in text
    assert secret not in repr(api.store.all(Kind.ACCESS_TOKEN))


async def test_a_token_ends_when_it_said(api: ControlApi) -> None:
    token = await api.token_of("viewer", expires_in_seconds=60)
    assert (await api.call_as(token, "GET", "/clusters")).status == 200
    api.wall.advance(59.9)
    assert (await api.call_as(token, "GET", "/clusters")).status == 200
    api.wall.advance(0.1)
    assert (await api.call_as(token, "GET", "/clusters")).status == 401


async def test_a_revoked_token_and_one_of_a_disabled_or_deleted_owner_are_refused(api: ControlApi) -> None:
    revoked, disabled, deleted = [await api.token_of("viewer", user=name) for name in ("anna", "ben", "cleo")]
    assert (await api.call("DELETE", f"/access-tokens/{revoked.split('.')[1]}")).status == 204
    assert (await api.call("PATCH", "/users/ben?force=true", {"spec": {"disabled": True}})).status == 200
    assert [(each["kind"]) for each in (await api.call("GET", "/users/cleo/impact")).body["objects"]] == [
        "role_binding",
        "access_token",
    ]
    assert (await api.call("DELETE", "/users/cleo")).status == 204
    for token in (revoked, disabled, deleted):
        assert (await api.call_as(token, "GET", "/clusters")).status == 401
    assert (await api.call("PATCH", "/users/ben?force=true", {"spec": {"disabled": False}})).status == 200
    assert (await api.call_as(disabled, "GET", "/clusters")).status == 200
    assert (await api.call_as(deleted, "GET", "/clusters")).status == 401


async def test_roles_of_teams_are_those_of_their_members(api: ControlApi) -> None:
    token = await api.token_of(user="anna")
    assert (await api.call_as(token, "GET", "/clusters")).status == 403
    await api.call("POST", "/teams", {"id": "ops", "members": ["anna"]})
    await api.call("POST", "/role-bindings", {"id": "ops", "role": "operator", "subject": "team/ops"})
    assert (await api.call_as(token, "POST", "/clusters", {"id": "x"})).status == 201
    assert (await api.call_as(token, "GET", "/whoami")).body["roles"] == [{"role": "operator", "scope": "organisation"}]
    await api.call("PATCH", "/teams/ops?force=true", {"spec": {"members": []}})
    assert (await api.call_as(token, "GET", "/clusters")).status == 403


async def test_service_accounts_have_tokens_and_roles_too(api: ControlApi) -> None:
    await api.call("POST", "/service-accounts", {"id": "ci"})
    await api.call("POST", "/role-bindings", {"id": "ci", "role": "viewer", "subject": "service_account/ci"})
    token = (await api.call("POST", "/access-tokens", {"name": "ci", "owner": "service_account/ci"})).body["token"]
    assert (await api.call_as(token, "GET", "/whoami")).body["subject"] == "service_account/ci"
    assert (await api.call_as(token, "GET", "/clusters")).status == 200
    await api.call("PATCH", "/service-accounts/ci?force=true", {"spec": {"disabled": True}})
    assert (await api.call_as(token, "GET", "/clusters")).status == 401


async def test_a_token_may_be_limited_and_then_manages_no_tokens(api: ControlApi) -> None:
    token = await api.token_of("operator", user="anna", permissions=["clusters.read"])
    assert (await api.call_as(token, "GET", "/clusters")).status == 200
    assert (await api.call_as(token, "GET", "/models")).status == 403
    assert (await api.call_as(token, "POST", "/clusters", {"id": "x"})).status == 403
    own = f"/access-tokens/{token.split('.')[1]}"
    for method, path, body in (("POST", "/access-tokens", {"name": "more"}), ("PATCH", own, {"permissions": None}),
                               ("DELETE", own, None), ("POST", f"{own}/rotate", {})):  # fmt: skip
        assert (await api.call_as(token, method, path, body)).status == 403
    assert (await api.call("PATCH", own, {"permissions": None})).status == 200
    assert (await api.call_as(token, "GET", "/models")).status == 200


async def test_rotation_with_an_overlap(api: ControlApi) -> None:
    old = await api.token_of("viewer")
    path = f"/access-tokens/{old.split('.')[1]}"
    rotated = (await api.call_as(old, "POST", f"{path}/rotate", {"overlap_seconds": 3600})).body
    new = rotated["token"]
    assert rotated["status"]["overlap_until"] == api.wall() + 3600
    assert [(await api.call_as(token, "GET", "/clusters")).status for token in (old, new)] == [200, 200]
    api.wall.advance(3600)
    assert [(await api.call_as(token, "GET", "/clusters")).status for token in (old, new)] == [401, 200]
    newest = (await api.call_as(new, "POST", f"{path}/rotate", {})).body["token"]
    statuses = [(await api.call_as(token, "GET", "/clusters")).status for token in (old, new, newest)]
    assert statuses == [401, 401, 200]


async def test_whom_revoking_a_token_would_hit(api: ControlApi) -> None:
    await put_two_sites(api)
    token = await api.token_of("invoker", user="anna", models=["bert"])
    id = token.split(".")[1]
    await api.call("POST", "/access-tokens", {"name": "other", "owner": "user/anna"})
    await api.call("PATCH", "/deployments/chat?force=true", {"spec": {"credential": id}})
    assert (await api.call_as(token, "GET", "/whoami")).status == 200
    await LastUses(api.store, api.dependencies.access_tokens.last_uses).write()
    assert (await api.call("GET", f"/access-tokens/{id}/impact")).body == {
        "owner": "user/anna",
        "last_used_at": api.wall(),
        "objects": [{"kind": "deployment", "id": "chat"}],
        "invokes": ["talk"],
        "other_tokens": 1,
    }


async def test_when_a_token_was_used_is_written_at_most_once_a_minute(api: ControlApi) -> None:
    token = await api.token_of("viewer")
    id, uses = token.split(".")[1], LastUses(api.store, api.dependencies.access_tokens.last_uses)
    seen = []
    for seconds in (0, 30, 30):
        api.wall.advance(seconds)
        await api.call_as(token, "GET", "/clusters")
        await uses.write()
        seen.append((await api.call("GET", f"/access-tokens/{id}")).body["status"]["last_used_at"])
    assert seen == [1_700_000_000.0, 1_700_000_000.0, 1_700_000_060.0]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("DELETE", "/users/admin", None),
        ("PATCH", "/users/admin?force=true", {"spec": {"disabled": True}}),
        ("DELETE", "/role-bindings/admin", None),
    ],
)
async def test_somebody_can_always_administer(api: ControlApi, method: str, path: str, body: Any) -> None:
    answered = await api.call(method, path, body)
    assert (answered.status, answered.error["code"]) == (409, "conflict")
    token = await api.token_of("admin")
    assert (await api.call_as(token, method, path, body)).status in (200, 204)


async def test_a_role_does_not_outlive_where_it_held(api: ControlApi) -> None:
    await api.call("POST", "/projects", {"id": "red"})
    token = await api.token_of("viewer project/red")
    await api.call("DELETE", "/projects/red")
    await api.call("POST", "/projects", {"id": "red"})
    assert (await api.call_as(token, "GET", "/projects/red")).status == 404

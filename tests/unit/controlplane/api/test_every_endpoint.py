"""Who may ask what: every role at every endpoint. A route that is not in the table fails."""

from typing import Any

import pytest

from controlplane.api.routing import Route, add_routes
from controlplane.auth.guard import hidden
from controlplane.store.store import Kind
from homeport.core.access.principal import NOBODY
from tests.fakes.control_api import DEPLOYMENT, POOL, VERSION, ControlApi

# What each may do beside all that those before it may.
LADDER = ("viewer", "deployer", "operator", "admin")

# The least role of the ladder that may, and the body to send. Who may not gets 403 where it sees the object, else 404;
# of lists and of what is to be made always 403.
TABLE: dict[str, tuple[str, Any]] = {
    "GET /projects": ("viewer", None),
    "POST /projects": ("operator", {"id": "new"}),
    "GET /projects/{project}": ("viewer", None),
    "PATCH /projects/{project}": ("operator", {"spec": {"description": "x"}, "generation": 1}),
    "DELETE /projects/{project}": ("operator", None),
    "GET /projects/{project}/impact": ("viewer", None),
    "GET /secrets": ("deployer", None),
    "POST /secrets": ("deployer", {"id": "new", "data": {"token": "x"}}),
    "GET /secrets/{secret}": ("deployer", None),
    "PATCH /secrets/{secret}": ("deployer", {"spec": {"data": {"token": "y"}}, "generation": 1}),
    "DELETE /secrets/{secret}": ("deployer", None),
    "GET /secrets/{secret}/impact": ("deployer", None),
    "GET /instance-types": ("viewer", None),
    "POST /instance-types": ("operator", {"id": "new"}),
    "GET /instance-types/{instance_type}": ("viewer", None),
    "PATCH /instance-types/{instance_type}": ("operator", {"spec": {"description": "x"}, "generation": 1}),
    "DELETE /instance-types/{instance_type}": ("operator", None),
    "GET /instance-types/{instance_type}/impact": ("viewer", None),
    "GET /clusters": ("viewer", None),
    "POST /clusters": ("operator", {"id": "new"}),
    "GET /clusters/{cluster}": ("viewer", None),
    "PATCH /clusters/{cluster}": ("operator", {"spec": {"region": "x"}, "generation": 1}),
    "DELETE /clusters/{cluster}": ("operator", None),
    "GET /clusters/{cluster}/impact": ("viewer", None),
    "GET /nodepools": ("viewer", None),
    "POST /nodepools": ("operator", {"id": "new", "compute_cluster": {"id": "office"}}),
    "GET /nodepools/{cluster}/{nodepool}": ("viewer", None),
    "PATCH /nodepools/{cluster}/{nodepool}": ("operator", {"spec": {"max_instances": 9}, "generation": 1}),
    "DELETE /nodepools/{cluster}/{nodepool}": ("operator", None),
    "GET /nodepools/{cluster}/{nodepool}/impact": ("viewer", None),
    "GET /nodes": ("viewer", None),
    "GET /nodes/{node}": ("viewer", None),
    "DELETE /nodes/{node}": ("operator", None),
    "GET /nodes/{node}/impact": ("viewer", None),
    "POST /nodes/{node}/lock": ("operator", {}),
    "POST /nodes/{node}/unlock": ("operator", {}),
    "POST /nodes/{node}/approve": ("operator", {}),
    "POST /nodes/{node}/reject": ("operator", {}),
    "POST /nodes/{node}/cordon": ("operator", {}),
    "POST /nodes/{node}/uncordon": ("operator", {}),
    "POST /nodes/{node}/drain": ("operator", {}),
    "POST /nodes/{node}/undrain": ("operator", {}),
    "GET /nodes/{node}/drain": ("viewer", None),
    "POST /nodes/{node}/clear-gpu": ("operator", {"gpu": "GPU-1"}),
    "POST /brake/release": ("operator", {}),
    "POST /rebalance": ("operator", {"dry_run": True}),
    "GET /rebalance": ("viewer", None),
    "POST /rebalance/stop": ("operator", {}),
    "GET /models": ("viewer", None),
    "POST /models": ("deployer", {"id": "new"}),
    "GET /models/{model}": ("viewer", None),
    "PATCH /models/{model}": ("deployer", {"spec": {"description": "x"}, "generation": 1}),
    "DELETE /models/{model}": ("deployer", None),
    "GET /models/{model}/impact": ("viewer", None),
    "GET /models/{model}/versions": ("viewer", None),
    "POST /models/{model}/versions": ("deployer", {**VERSION, "id": "v2"}),
    "GET /models/{model}/versions/{version}": ("viewer", None),
    "PATCH /models/{model}/versions/{version}": ("deployer", {"spec": {}, "generation": 1}),
    "DELETE /models/{model}/versions/{version}": ("deployer", None),
    "GET /models/{model}/versions/{version}/impact": ("viewer", None),
    "GET /deployments": ("viewer", None),
    "POST /deployments": ("deployer", {**DEPLOYMENT, "id": "new"}),
    "GET /deployments/{deployment}": ("viewer", None),
    "PATCH /deployments/{deployment}": ("deployer", {"spec": {"hold_seconds": 5}, "generation": 1}),
    "DELETE /deployments/{deployment}": ("deployer", None),
    "GET /deployments/{deployment}/impact": ("viewer", None),
    "POST /deployments/{deployment}/stop": ("deployer", {}),
    "POST /deployments/{deployment}/start": ("deployer", {}),
    "POST /deployments/{deployment}/restart": ("deployer", {}),
    "POST /deployments/{deployment}/scale": ("deployer", {"replicas": 1}),
    "POST /deployments/{deployment}/pause-autoscaling": ("deployer", {}),
    "POST /deployments/{deployment}/split": ("deployer", {"traffic_split": [{"revision": 1, "percent": 100}]}),
    "POST /deployments/{deployment}/promote": ("deployer", {}),
    "POST /deployments/{deployment}/rollback": ("deployer", {"revision": 1}),
    "GET /deployments/{deployment}/explain": ("viewer", None),
    "GET /deployments/{deployment}/revisions": ("viewer", None),
    "GET /deployments/{deployment}/cold-starts": ("viewer", None),
    "GET /deployments/{deployment}/scaling-history": ("viewer", None),
    "GET /deployments/{deployment}/replica-faults": ("viewer", None),
    "GET /deployments/{deployment}/traffic": ("viewer", None),
    "GET /deployments/{deployment}/logs": ("deployer", None),
    "GET /placements": ("viewer", None),
    "GET /replicas": ("viewer", None),
    "GET /join-tokens": ("operator", None),
    "POST /join-tokens": ("operator", {"nodepool": POOL}),
    "DELETE /join-tokens/{token}": ("operator", None),
    "GET /users": ("admin", None),
    "POST /users": ("admin", {"id": "new"}),
    "GET /users/{user}": ("admin", None),
    "PATCH /users/{user}": ("admin", {"spec": {"name": "x"}, "generation": 1}),
    "DELETE /users/{user}": ("admin", None),
    "GET /users/{user}/impact": ("admin", None),
    "POST /users/{user}/password": ("admin", {"password": "correct horse battery"}),
    "GET /service-accounts": ("admin", None),
    "POST /service-accounts": ("admin", {"id": "new"}),
    "GET /service-accounts/{service_account}": ("admin", None),
    "PATCH /service-accounts/{service_account}": ("admin", {"spec": {"description": "x"}, "generation": 1}),
    "DELETE /service-accounts/{service_account}": ("admin", None),
    "GET /service-accounts/{service_account}/impact": ("admin", None),
    "GET /teams": ("admin", None),
    "POST /teams": ("admin", {"id": "new"}),
    "GET /teams/{team}": ("admin", None),
    "PATCH /teams/{team}": ("admin", {"spec": {"description": "x"}, "generation": 1}),
    "DELETE /teams/{team}": ("admin", None),
    "GET /teams/{team}/impact": ("admin", None),
    "GET /role-bindings": ("admin", None),
    "POST /role-bindings": ("admin", {"id": "new", "role": "viewer", "subject": "user/anna"}),
    "GET /role-bindings/{role_binding}": ("admin", None),
    "PATCH /role-bindings/{role_binding}": ("admin", {"spec": {"description": "x"}, "generation": 1}),
    "DELETE /role-bindings/{role_binding}": ("admin", None),
    "GET /role-bindings/{role_binding}/impact": ("admin", None),
    "GET /access-tokens": ("anyone", None),
    "POST /access-tokens": ("anyone", {"name": "mine"}),
    "GET /access-tokens/{token}": ("admin", None),
    "PATCH /access-tokens/{token}": ("admin", {"name": "x"}),
    "DELETE /access-tokens/{token}": ("admin", None),
    "POST /access-tokens/{token}/rotate": ("admin", {}),
    "GET /access-tokens/{token}/impact": ("admin", None),
    "GET /access-tokens/{token}/site-usage": ("admin", None),
    "GET /whoami": ("anyone", None),
    "GET /auth/methods": ("public", None),
    # test_sign_in.py has more of these.
    "POST /auth/login": ("public", None),
    "POST /auth/logout": ("anyone", None),
    # test_oidc.py has more of these.
    "GET /auth/oidc/start": ("public", None),
    "GET /auth/oidc/callback": ("public", None),
    "POST /auth/oidc/exchange": ("public", None),
    "POST /apply": ("operator", {"documents": [{"compute_cluster": {"id": "applied"}}]}),
    "GET /audit": ("admin", None),
    "GET /audit/export": ("admin", None),
    "GET /gateways": ("viewer", None),
    "POST /gateways/{gateway}/scale": ("operator", {"workers": 2}),
    "POST /gateways/{gateway}/join-token": ("operator", {}),
    "DELETE /gateways/{gateway}": ("operator", None),
    "GET /status": ("viewer", None),
    "GET /healthz": ("public", None),
    # Each topic is asked about: test_access.py. Without an upgrade the first is refused, the second has no end.
    "GET /watch": ("anyone", None),
    "GET /watch/events": ("anyone", None),
}
STREAMS = {"GET /watch/events"}
# Those whose body says where something is to be, and lists.
PLAIN = {key for key in TABLE if "{" not in key}


def _objects(ids: dict[str, str]) -> dict[str, str]:
    return {
        "project": "red", "secret": "hub", "instance_type": "rack", "cluster": "office", "nodepool": "gpu",
        "node": "gpu-1", "model": "smollm2", "version": "v1", "deployment": "chat", "user": "anna",
        "service_account": "ci", "team": "ops", "role_binding": "annas",
        "gateway": "central", **ids,
    }  # fmt: skip


async def _fleet(api: ControlApi) -> dict[str, str]:
    await api.put_parents()
    await api.put_node("gpu-1", connected=False)
    for path, body in [
        ("/deployments", DEPLOYMENT),
        ("/projects", {"id": "red"}),
        ("/secrets", {"id": "hub", "data": {"token": "x"}}),
        ("/instance-types", {"id": "rack"}),
        ("/users", {"id": "anna"}),
        ("/service-accounts", {"id": "ci"}),
        ("/teams", {"id": "ops", "members": ["anna"]}),
        ("/role-bindings", {"id": "annas", "role": "viewer", "subject": "team/ops"}),
    ]:
        assert (await api.call("POST", path, body)).status == 201
    join = (await api.call("POST", "/join-tokens", {"nodepool": POOL})).body["id"]
    access = (await api.call("POST", "/access-tokens", {"name": "annas", "owner": "user/anna"})).body["id"]
    return {"join": join, "access": access}


def _path(key: str, objects: dict[str, str]) -> str:
    path = key.partition(" ")[2]
    token = objects["join"] if path.startswith("/join") else objects["access"]
    for name, value in {**objects, "token": token}.items():
        path = path.replace(f"{{{name}}}", value)
    return path


def _may(role: str, key: str) -> bool:
    least = TABLE[key][0]
    if least in ("anyone", "public"):
        return True
    return role in LADDER and LADDER.index(role) >= LADDER.index(least)


def _sees(role: str, key: str) -> bool:
    """The object that the path names."""
    path = key.partition(" ")[2]
    if path.startswith(("/users", "/teams", "/service-accounts", "/role-bindings", "/access-tokens")):
        return role == "admin"
    if path.startswith("/secrets"):
        return role in ("deployer", "operator", "admin")
    if path.startswith("/join-tokens"):
        return role in ("operator", "admin")
    return role in LADDER


def test_every_route_is_in_the_table_and_says_who_may(api: ControlApi) -> None:
    routes = {f"{route.method} {route.path}": route for route in api.routes}
    assert routes.keys() == TABLE.keys()
    for key, route in routes.items():
        assert route.is_declared, key
        assert route.public == (TABLE[key][0] == "public"), key


def test_a_route_that_says_nothing_is_not_served() -> None:
    async def handler(call: Any) -> None: ...

    with pytest.raises(ValueError, match="GET /secret declares no permission"):
        add_routes(None, [Route("GET", "/secret", handler, "", "")], lambda request: NOBODY, None)  # type: ignore[arg-type]


@pytest.mark.parametrize("role", ["nobody", "invoker", *LADDER])
async def test_every_role_at_every_endpoint(api: ControlApi, role: str) -> None:
    objects = _objects(await _fleet(api))
    token = await api.token_of(*([] if role == "nobody" else [role]))
    # What changes nothing first, what ends objects last.
    order = ["GET", "POST", "PATCH", "DELETE"]
    before = api.store.seq
    for key in TABLE:
        if _may(role, key):
            continue
        answered = await api.call_as(token, key.partition(" ")[0], _path(key, objects), TABLE[key][1])
        if key in PLAIN or _sees(role, key):
            assert (answered.status, answered.error["code"]) == (403, "permission_denied"), key
            assert "permission" in answered.error["message"], key
        else:
            assert (answered.status, answered.error["hint"]) == (404, hidden(Kind.NODE, "").hint), key
    assert api.store.seq == before, "something was written by somebody who may not"
    # A token goes with its owner.
    for key in sorted(TABLE.keys() - STREAMS, key=lambda key: (order.index(key.partition(" ")[0]), key)):
        if _may(role, key):
            answered = await api.call_as(token, key.partition(" ")[0], _path(key, objects), TABLE[key][1])
            assert answered.status not in (401, 403), (key, answered.body)
            assert answered.status < 400 or answered.error["hint"] != hidden(Kind.NODE, "").hint, (key, answered.body)


async def test_nobody_gets_in_without_a_token(api: ControlApi) -> None:
    objects = _objects(await _fleet(api))
    for key, (least, body) in TABLE.items():
        method = key.partition(" ")[0]
        answered = await api.call(method, _path(key, objects), body, headers={"Authorization": None})
        assert (answered.status == 401) == (least != "public"), key


async def test_what_is_hidden_is_told_as_what_does_not_exist(api: ControlApi) -> None:
    """Word by word, at every path that names an object."""
    objects = _objects(await _fleet(api))
    token = await api.token_of("invoker")
    unknown = dict.fromkeys(objects, "zzz")
    for key, (_, body) in TABLE.items():
        if key in PLAIN:
            continue
        method, there, gone = key.partition(" ")[0], _path(key, objects), _path(key, unknown)
        answers = [await api.call_as(token, method, path, body) for path in (there, gone)]
        errors = [{**each.error, "request_id": ""} for each in answers]
        names = {*there.split("/"), "office/gpu", "smollm2/v1"}
        assert errors[0]["code"] == "not_found", key
        for name in sorted(names, key=len, reverse=True):
            if name and name not in TABLE_WORDS:
                errors[0]["message"] = errors[0]["message"].replace(name, "zzz")
        errors[1]["message"] = errors[1]["message"].replace("zzz/zzz", "zzz")
        assert errors[0] == errors[1], key


TABLE_WORDS = {word for key in TABLE for word in key.partition(" ")[2].split("/")} | {"role", "project", "model"}

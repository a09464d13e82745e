"""What the API refuses: with which code, naming which field and range, and with nothing created."""

import io
import re
from typing import Any

import pytest

from controlplane.views.views import Views
from homeport.core.errors import ErrorCode, HomeportError
from tests.fakes.control_api import DEPLOYMENT, POOL, VERSION, ControlApi

AUTOSCALE = "deployment.autoscale_config"
COMPUTE = "model_version.inference_compute_info"
TABLE = [
    # unknown field
    ("/deployments", {**DEPLOYMENT, "hold_secnds": 5}, 400, "deployment.hold_secnds", "did you mean hold_seconds?"),
    ("/clusters", {"id": "x", "kind": "edge", "zone": 1}, 400, "compute_cluster.zone", "known fields: id"),
    ("/deployments", {**DEPLOYMENT, "autoscale_config": {"max": 1}}, 400, f"{AUTOSCALE}.max", "unknown field"),
    # wrong unit
    ("/models/smollm2/versions", {**VERSION, "id": "w", "inference_compute_info": {"cpu_memory": "16GB"}}, 400,
     f"{COMPUTE}.cpu_memory", "16Gi"),
    ("/models/smollm2/versions", {**VERSION, "id": "w", "inference_compute_info": {"cpu_limit": "2 cores"}}, 400,
     f"{COMPUTE}.cpu_limit", "500m"),
    ("/deployments", {**DEPLOYMENT, "hold_seconds": "60s"}, 400, "deployment.hold_seconds", "must be a number"),
    # wrong type, however much it looks like the right one
    ("/deployments", {**DEPLOYMENT, "autoscale_config": {"max_replicas": "5"}}, 400, f"{AUTOSCALE}.max_replicas",
     "must be a whole number, got '5'"),
    ("/deployments", {**DEPLOYMENT, "autoscale_config": {"disable_packing": 1}}, 400, f"{AUTOSCALE}.disable_packing",
     "must be true or false"),
    ("/deployments", {**DEPLOYMENT, "env": {"A": 1}}, 400, "deployment.env.A", 'put it in quotes: "1"'),
    ("/deployments", {**DEPLOYMENT, "nodepools": {}}, 400, "deployment.nodepools", "must be a list"),
    ("/clusters", [1], 400, "compute_cluster", "must be a mapping"),
    # impossible value
    ("/deployments", {**DEPLOYMENT, "autoscale_config": {"min_replicas": -1}}, 400, f"{AUTOSCALE}.min_replicas",
     "must be between 0 and 10000, got -1"),
    ("/deployments", {**DEPLOYMENT, "autoscale_config": {"max_replicas": 10**30}}, 400, f"{AUTOSCALE}.max_replicas",
     "must be between 0 and 10000"),
    ("/deployments", {**DEPLOYMENT, "autoscale_config": {"min_replicas": 3, "max_replicas": 2}}, 400, AUTOSCALE,
     "min_replicas (3) must not be above max_replicas (2)"),
    ("/deployments", {**DEPLOYMENT, "nodepools": []}, 400, "deployment.nodepools", "between 1 and 100 items, got 0"),
    ("/join-tokens", {"nodepool": POOL, "ttl_seconds": 5}, 400, "join_token.ttl_seconds", "between 10 and 1800, got 5"),
    ("/models/smollm2/versions", {"id": "w"}, 400, "model_version", "the process driver needs `command`"),
    ("/models/smollm2/versions", {**VERSION, "id": "w", "readiness": {"path": "x"}}, 400,
     "model_version.readiness.path", "must begin with /"),
    ("/clusters", {"id": "no spaces"}, 400, "compute_cluster.id", "1 to 63 characters"),
    ("/clusters", {"id": "a", "kind": "moon"}, 400, "compute_cluster.kind", "must be vpc, on-prem, edge"),
    ("/clusters", {}, 400, "compute_cluster.id", "is required"),
    # duplicate
    ("/clusters", {"id": "office"}, 409, "compute_cluster.id", "exists already"),
    ("/deployments", {**DEPLOYMENT, "nodepools": [POOL, POOL]}, 400, "deployment.nodepools.1", "named twice"),
    # missing parent
    ("/nodepools", {"id": "p", "compute_cluster": {"id": "offce"}}, 404, "nodepool.compute_cluster.id",
     "did you mean office?"),
    ("/models/none/versions", VERSION, 404, "model_version.model.id", "model none does not exist"),
    ("/deployments", {**DEPLOYMENT, "nodepools": [{"id": "x", "compute_cluster": {"id": "office"}}]}, 404,
     "deployment.nodepools.0.id", "nodepool office/x does not exist"),
    ("/deployments", {**DEPLOYMENT, "worker": {"model": {"id": "smolm2"}}}, 404, "deployment.worker.model.id",
     "did you mean smollm2?"),
    ("/deployments", {**DEPLOYMENT, "worker": {"model": {"id": "smollm2", "model_version": {"id": "v2"}}}}, 404,
     "deployment.worker.model.model_version.id", "model version smollm2/v2 does not exist"),
]  # fmt: skip


@pytest.mark.parametrize(("path", "body", "status", "field", "says"), TABLE)
async def test_bad_input_names_the_field_and_creates_nothing(
    api: ControlApi, path: str, body: Any, status: int, field: str, says: str
) -> None:
    await api.put_parents()
    seq = api.store.seq
    answered = await api.call("POST", path, body)
    assert (answered.status, answered.error["path"]) == (status, field)
    assert says in f"{answered.error['message']} {answered.error['hint']}"
    assert api.store.seq == seq


async def test_a_deployment_of_a_model_without_a_version_is_refused(api: ControlApi) -> None:
    await api.put_parents()
    await api.call("POST", "/models", {"id": "empty"})
    answered = await api.call("POST", "/deployments", {**DEPLOYMENT, "worker": {"model": {"id": "empty"}}})
    assert (answered.status, answered.error["path"]) == (404, "deployment.worker.model.model_version")


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b'{"id": "a"} x', "not JSON"),
        (b'{"id": "a", "id": "b"}', "key 'id' appears twice"),
        (b'{"id": NaN}', "NaN is not a JSON number"),
        (b'{"id": "\xff"}', "not UTF-8"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"id": ' + b"9" * 5000 + b"}", "not JSON"),
    ],
)
async def test_malformed_json_is_refused(api: ControlApi, data: bytes, says: str) -> None:
    answered = await api.call("POST", "/clusters", data=data, headers={"Content-Type": "application/json"})
    assert (answered.status, answered.error["code"]) == (400, "invalid_argument")
    assert says in answered.error["message"]


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-yaml", "application/x-www-form-urlencoded"])
async def test_another_content_type_is_refused(api: ControlApi, content_type: str) -> None:
    answered = await api.call("POST", "/clusters", data=b'{"id": "a"}', headers={"Content-Type": content_type})
    assert (answered.status, answered.error["code"]) == (415, "unsupported_media_type")
    assert "application/json" in answered.error["hint"]


async def test_json_with_a_charset_is_taken(api: ControlApi) -> None:
    headers = {"Content-Type": "application/json; charset=utf-8"}
    assert (await api.call("POST", "/clusters", data=b'{"id": "a"}', headers=headers)).status == 201


@pytest.mark.parametrize("chunked", [False, True])
async def test_an_oversized_body_is_refused(api: ControlApi, chunked: bool) -> None:
    async def pieces() -> Any:
        for _ in range(20):
            yield b" " * 65536

    data: Any = pieces() if chunked else io.BytesIO(b" " * (1024 * 1024 + 1))
    answered = await api.call("POST", "/clusters", data=data, headers={"Content-Type": "application/json"})
    assert (answered.status, answered.error["code"]) == (413, "payload_too_large")


@pytest.mark.parametrize(
    ("path", "field", "says"),
    [
        ("/nodes?clustr=x", "clustr", "did you mean cluster"),
        ("/clusters?x=1", "x", "unknown field"),
        ("/nodes?cluster=a&cluster=b", "cluster", "more than once"),
        ("/deployments/chat/logs?tail=-1", "tail", "between 0 and 100000"),
        ("/deployments/chat/logs?tail=many", "tail", "must be a whole number"),
        ("/deployments/chat/logs?follow=perhaps", "follow", "must be true or false"),
    ],
)
async def test_bad_queries_are_refused(api: ControlApi, path: str, field: str, says: str) -> None:
    answered = await api.call("GET", path)
    assert (answered.status, answered.error["path"]) == (400, field)
    assert says in f"{answered.error['message']} {answered.error['hint']}"


@pytest.mark.parametrize(
    ("authorization", "status"),
    [
        (None, 401),
        ("", 401),
        ("Bearer", 401),
        ("Bearer hp1.abc.wrong", 401),
        ("Basic {token}", 401),
        ("Bearer {token}x", 401),
        ("Bearer {token}", 200),
        ("bearer {token}", 200),
        ("Key {token}", 200),
    ],
)
async def test_the_token_is_checked(api: ControlApi, authorization: str | None, status: int) -> None:
    value = authorization.format(token=api.token) if authorization is not None else None
    answered = await api.call("GET", "/clusters", headers={"Authorization": value})
    assert answered.status == status
    if status == 401:
        assert answered.headers["WWW-Authenticate"].startswith("Bearer")
        assert answered.error["hint"]


async def test_every_route_but_the_public_ones_wants_a_token(api: ControlApi) -> None:
    for path, operations in api.document["paths"].items():
        for method, operation in operations.items():
            answered = await api.call(
                method.upper(), re.sub(r"[{}]", "", path).removeprefix("/api/v1"), headers={"Authorization": None}
            )
            assert (answered.status == 401) == ("security" not in operation), f"{method} {path}: {answered.status}"


async def test_an_unknown_path_says_where_the_api_is(api: ControlApi) -> None:
    answered = await api.call("GET", "/clustrs")
    assert (answered.status, answered.error["code"]) == (404, "not_found")
    assert "/api/v1/docs" in answered.error["hint"]


async def test_an_impossible_method_says_which_are_possible(api: ControlApi) -> None:
    answered = await api.call("PUT", "/clusters", {"id": "x"})
    assert (answered.status, answered.error["code"]) == (405, "method_not_allowed")
    assert answered.headers["Allow"] == "GET,POST"
    assert "GET, POST" in answered.error["hint"]


async def test_a_request_id_is_kept_when_it_is_sane(api: ControlApi) -> None:
    answered = await api.call("GET", "/nothing", headers={"X-Request-Id": "mine-1"})
    assert answered.headers["X-Request-Id"] == answered.error["request_id"] == "mine-1"
    answered = await api.call("GET", "/nothing", headers={"X-Request-Id": "x" * 200})
    assert len(answered.error["request_id"]) == 16


async def test_a_full_disk_is_507_and_nothing_is_there(api: ControlApi) -> None:
    api.store.fail_next(HomeportError(ErrorCode.STORAGE_FULL, "the disk is full", retry_after_seconds=10))
    answered = await api.call("POST", "/clusters", {"id": "a"})
    assert (answered.status, answered.error["code"], answered.headers["Retry-After"]) == (507, "storage_full", "10")
    assert (await api.call("GET", "/clusters")).body["items"] == []
    assert (await api.call("POST", "/clusters", {"id": "a"})).status == 201


async def test_an_unexpected_error_tells_the_client_nothing_but_the_request_id(
    api: ControlApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object) -> None:
        raise ZeroDivisionError("secret detail")

    monkeypatch.setattr(Views, "refresh", broken)
    answered = await api.call("GET", "/clusters")
    assert (answered.status, answered.error["code"]) == (500, "internal")
    assert "secret" not in str(answered.body)
    assert answered.error["request_id"] in answered.error["hint"]

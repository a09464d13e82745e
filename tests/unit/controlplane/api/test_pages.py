"""Lists: pages, order and filters, while others write."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlplane.api import queries
from controlplane.api.list_query import ListQuery
from controlplane.api.paging import Position, decode_cursor, encode_cursor, sort_key, take_page, take_page_by_id
from controlplane.views.topic import Item
from homeport.core.errors import HomeportError
from homeport.core.status import ReplicaStatus
from tests.fakes.control_api import DEPLOYMENT, POOL, VERSION, ControlApi


async def pages(api: ControlApi, path: str, limit: int, **filters: Any) -> list[list[str]]:
    """The ids on each page."""
    found: list[list[str]] = []
    params = {"limit": str(limit), **filters}
    while True:
        answered = (await api.call("GET", path, params=params)).body
        found.append([item["id"] for item in answered["items"]])
        if answered["next_cursor"] is None:
            return found
        params["cursor"] = answered["next_cursor"]


async def ids(api: ControlApi, path: str) -> list[str]:
    return [item["id"] for item in (await api.call("GET", path)).body["items"]]


async def test_pages_are_full_but_for_the_last_and_hold_each_object_once(api: ControlApi) -> None:
    for number in range(5):
        await api.call("POST", "/clusters", {"id": f"c{number}"})
    assert await pages(api, "/clusters", 2) == [["c0", "c1"], ["c2", "c3"], ["c4"]]
    assert await pages(api, "/clusters", 5) == [["c0", "c1", "c2", "c3", "c4"]]
    assert await pages(api, "/clusters", 2, sort="-id") == [["c4", "c3"], ["c2", "c1"], ["c0"]]


async def test_what_others_write_between_pages_moves_nothing(api: ControlApi) -> None:
    for number in range(0, 10, 2):
        await api.call("POST", "/clusters", {"id": f"c{number}"})
    for sort in ("id", "-id", "created_at", "updated_at"):
        first = (await api.call("GET", f"/clusters?limit=2&sort={sort}")).body
        await api.call("DELETE", f"/clusters/{first['items'][1]['id']}")
        await api.call("POST", "/clusters", {"id": "c00"})
        path = f"/clusters?limit=100&sort={sort}&cursor={first['next_cursor']}"
        rest = await ids(api, path)
        assert not {item["id"] for item in first["items"]} & set(rest)
        assert {"c0", "c2", "c4", "c6", "c8"} <= {item["id"] for item in first["items"]} | set(rest)
        await api.call("POST", "/clusters", {"id": first["items"][1]["id"]})
        await api.call("DELETE", "/clusters/c00")


@pytest.mark.parametrize(
    ("query", "path", "says"),
    [
        ("limit=0", "limit", "between 1 and 1000, got"),
        ("limit=1001", "limit", "between 1 and 1000, got"),
        ("sort=colour", "sort", "must be one of id, created_at, updated_at"),
        ("sort=--id", "sort", "must be one of"),
        ("cursor=abc", "cursor", "is not a cursor"),
        ("cursor=Zm9v", "cursor", "is not a cursor"),
        ("cursor=%C3%A4", "cursor", "is not a cursor"),
        ("label=gpu", "label", "must be KEY=VALUE"),
        ("limit=5&limit=6", "limit", "more than once"),
    ],
)
async def test_bad_questions_are_refused(api: ControlApi, query: str, path: str, says: str) -> None:
    answered = await api.call("GET", f"/clusters?{query}")
    assert (answered.status, answered.error["path"]) == (400, path)
    assert says in answered.error["message"]


async def test_a_cursor_goes_with_its_sort_and_filters_alone(api: ControlApi) -> None:
    for number in range(3):
        await api.call("POST", "/clusters", {"id": f"c{number}", "region": "hall"})
    cursor = (await api.call("GET", "/clusters?limit=1&region=hall")).body["next_cursor"]
    assert await ids(api, f"/clusters?limit=2&region=hall&cursor={cursor}") == ["c1", "c2"]
    for other in ("", "&region=hall&sort=-id", "&region=hall&q=c"):
        answered = await api.call("GET", f"/clusters?cursor={cursor}{other}")
        assert (answered.status, answered.error["path"]) == (400, "cursor")
        assert "another sort or other filters" in answered.error["message"]


async def put_fleet(api: ControlApi) -> None:
    await api.put_parents()
    for body in (
        {"id": "lab", "kind": "edge", "region": "north", "labels": {"tier": "1", "site": "b"}},
        {"id": "hub", "description": "The Big One", "cloud_provider": {"id": "aws"}, "labels": {"tier": "1"}},
    ):
        assert (await api.call("POST", "/clusters", body)).status == 201
    await api.call("POST", "/projects", {"id": "red", "labels": {"tier": "2"}})
    cpu = {"id": "cpu", "compute_cluster": {"id": "lab"}}
    await api.call("POST", "/nodepools", {**cpu, "tenancy": "dedicated", "project": "red", "labels": {"a": "1"}})
    await api.call("POST", "/models", {"id": "bert", "project": "red", "description": "words"})
    await api.call("POST", "/models/bert/versions", {**VERSION, "id": "z"})
    await api.call("POST", "/models/bert/versions", {**VERSION, "id": "a"})
    await api.call("POST", "/deployments", {**DEPLOYMENT, "environment": "production", "labels": {"team": "x"}})
    await api.call("POST", "/deployments", {"id": "words", "project": "red", "worker": {"model": {"id": "bert"}},
                                            "nodepools": [POOL, cpu], "state": "stopped"})  # fmt: skip
    node = await api.put_node("gpu-1")
    await api.put_node("cpu-1", "lab/cpu", connected=False)
    api.report(node, "r2", ReplicaStatus.READY)
    api.report(node, "r1", ReplicaStatus.FAILED, deployment_id="words")


FILTERS = [
    ("/clusters?kind=edge", ["lab"]),
    ("/clusters?region=north", ["lab"]),
    ("/clusters?cloud_provider=aws", ["hub"]),
    ("/clusters?label=tier=1", ["hub", "lab"]),
    ("/clusters?label=tier=1,site=b", ["lab"]),
    ("/clusters?label=tier=1&label=site=b", ["lab"]),
    ("/clusters?label=tier=2", []),
    ("/clusters?q=big", ["hub"]),
    ("/clusters?q=OFF", ["office"]),
    ("/nodepools?cluster=lab", ["lab/cpu"]),
    ("/nodepools?tenancy=dedicated", ["lab/cpu"]),
    ("/nodepools?project=red", ["lab/cpu"]),
    ("/nodepools?label=a=1&sort=-id", ["lab/cpu"]),
    ("/projects?label=tier=2", ["red"]),
    ("/models?project=red", ["bert"]),
    ("/models?q=word", ["bert"]),
    ("/models?sort=-id", ["smollm2", "bert"]),
    ("/models/bert/versions", ["bert/z", "bert/a"]),
    ("/models/bert/versions?sort=id", ["bert/a", "bert/z"]),
    ("/models/bert/versions?sort=-created_at", ["bert/a", "bert/z"]),
    ("/deployments?model=bert", ["words"]),
    ("/deployments?cluster=lab", ["words"]),
    ("/deployments?cluster=office", ["chat", "words"]),
    ("/deployments?nodepool=lab/cpu", ["words"]),
    ("/deployments?nodepool=gpu", ["chat", "words"]),
    ("/deployments?nodepool=lab/gpu", []),
    ("/deployments?phase=stopped", ["words"]),
    ("/deployments?state=running", ["chat"]),
    ("/deployments?environment=production", ["chat"]),
    ("/deployments?project=red", ["words"]),
    ("/deployments?label=team=x", ["chat"]),
    ("/deployments?sort=-phase", ["words", "chat"]),
    ("/deployments?model=bert&phase=ready", []),
    ("/deployments/chat/revisions", ["chat/1"]),
    ("/nodes?status=ready", ["node-gpu-1"]),
    ("/nodes?status=initializing&cluster=lab", ["node-cpu-1"]),
    ("/nodes?nodepool=office/gpu", ["node-gpu-1"]),
    ("/nodes?nodepool=cpu", ["node-cpu-1"]),
    ("/nodes?q=GPU-1", ["node-gpu-1"]),
    ("/nodes?sort=-name", ["node-gpu-1", "node-cpu-1"]),
    ("/replicas", ["r2", "r1"]),
    ("/replicas?sort=id", ["r1", "r2"]),
    ("/replicas?status=failed", ["r1"]),
    ("/replicas?deployment=chat", ["r2"]),
    ("/replicas?node=gpu-1&sort=-id", ["r2", "r1"]),
    ("/replicas?node=node-gpu-1&q=word", ["r1"]),
    ("/replicas?node=none", []),
    ("/instance-types?accelerator_type=NVIDIA-A10G&cloud_provider=aws&sort=price_per_hour&limit=1", ["g5.xlarge"]),
    ("/instance-types?accelerator_type=a10g&cloud_provider=aws&sort=price_per_hour&limit=1", ["g5.xlarge"]),
    ("/instance-types?source=node", ["node-8cpu-16gi"]),
    ("/instance-types?source=own", []),
]


async def test_lists_are_filtered_and_sorted(api: ControlApi) -> None:
    await put_fleet(api)
    for path, wanted in FILTERS:
        assert await ids(api, path) == wanted, path
    for path, holds in (
        ("min_accelerators=8", lambda has: has["num_accelerators"] >= 8),
        ("accelerator_type=*h100*", lambda has: any("H100" in name.upper() for name in has["accelerator_type"])),
        ("architecture=arm64", lambda has: True),
    ):
        found = (await api.call("GET", f"/instance-types?{path}")).body["items"]
        assert found, path
        assert all(holds(item["spec"]["compute_info"]) for item in found), path
    assert await ids(api, "/instance-types?min_accelerator_memory=100Ti") == []
    assert (await api.call("GET", "/instance-types?min_accelerator_memory=24GB")).error["path"] == (
        "min_accelerator_memory")  # fmt: skip


async def test_every_list_takes_every_sort_that_it_declares(api: ControlApi) -> None:
    await put_fleet(api)
    lists = 0
    for path, operations in api.document["paths"].items():
        parameters = {each["name"]: each["schema"] for each in operations.get("get", {}).get("parameters", [])}
        if "sort" not in parameters:
            continue
        lists += 1
        where = re.sub(r"{model}", "bert", re.sub(r"{deployment}", "chat", path)).removeprefix("/api/v1")
        everything = set(await ids(api, f"{where}?limit=1000"))
        for sort in parameters["sort"]["enum"]:
            found = await pages(api, where, 1 if len(everything) < 10 else 30, sort=sort)
            flat = [id for page in found for id in page]
            assert (len(flat), set(flat)) == (len(everything), everything), f"{where} {sort}"
    assert lists == 18


@pytest.mark.parametrize(
    "query", [q for q in vars(queries).values() if isinstance(q, type) and issubclass(q, ListQuery)]
)
def test_every_default_sort_is_one_of_those_that_are_possible(query: type[ListQuery]) -> None:
    assert query().sort.removeprefix("-") in query.sorts
    assert set(query.filters) <= set(query.model_fields)


VALUES = st.one_of(st.none(), st.integers(-3, 3)) | st.one_of(st.none(), st.sampled_from(["", "a", "b", "B", "é"]))


@given(
    values=st.dictionaries(st.text("abAB/é", min_size=1, max_size=3), VALUES, max_size=12),
    limit=st.integers(1, 5),
    backwards=st.booleans(),
)
async def test_pages_put_together_are_the_sorted_list(values: dict[str, Any], limit: int, backwards: bool) -> None:
    items = [Item(id, {"value": value}) for id, value in sorted(values.items())]
    wanted = sorted(values, key=lambda id: (sort_key(values[id]), id), reverse=backwards)
    assert await _walk(items, limit, backwards) == wanted
    found, after = [], None
    while True:
        page = await take_page_by_id(items, lambda each: each["value"] is not None, after, limit)
        found += [item.id for item in page.items]
        if (after := page.after) is None:
            break
    assert found == sorted(id for id, value in values.items() if value is not None)


async def _walk(items: list[Item], limit: int, backwards: bool) -> list[str]:
    question = {"sort": "value"}
    found: list[str] = []
    cursor: str | None = None
    while True:
        after = decode_cursor(cursor, question) if cursor else None
        page = await take_page(items, lambda each: each["value"], backwards, lambda _: True, after, limit)
        assert len(page.items) <= limit
        found += [item.id for item in page.items]
        if page.after is None:
            return found
        cursor = encode_cursor(page.after, question)


@given(st.text(max_size=60))
def test_no_text_breaks_the_reading_of_a_cursor(text: str) -> None:
    with pytest.raises(HomeportError):
        decode_cursor(text, {})


@given(st.one_of(st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text()), st.text())
def test_a_cursor_is_read_as_it_was_written(value: Any, id: str) -> None:
    position = Position(sort_key(value), id)
    assert decode_cursor(encode_cursor(position, {"q": None}), {"q": None}) == position

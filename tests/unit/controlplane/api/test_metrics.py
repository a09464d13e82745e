"""Who may read the metrics page, and what the API's own objects come to in it."""

import pytest
from prometheus_client.parser import text_string_to_metric_families

from homeport.core.resources import Gpu
from homeport.core.status import ReplicaStatus
from tests.fakes.control_api import DEPLOYMENT, ControlApi


async def read(api: ControlApi, token: str | None, **headers: str) -> tuple[int, str]:
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    async with api.session.get(f"{api.url}/metrics", headers=headers) as response:
        return response.status, await response.text()


def values(text: str) -> dict[tuple[str, ...], float]:
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


@pytest.mark.parametrize(
    ("role", "status"),
    [("viewer", 200), ("admin", 200), ("viewer project/web", 403), ("invoker", 403)],
)
async def test_it_is_for_those_who_may_read_the_server_everywhere(api: ControlApi, role: str, status: int) -> None:
    assert (await api.call("POST", "/projects", {"id": "web"})).status == 201
    assert (await read(api, await api.token_of(role)))[0] == status


async def test_without_a_token_nobody_reads_it(api: ControlApi) -> None:
    status, text = await read(api, None)
    assert status == 401
    assert "homeport_nodes" not in text
    assert (await read(api, "hp1.wrong.token"))[0] == 401


async def test_opened_it_is_for_programs_on_this_host() -> None:
    async with ControlApi(metrics_open=True).running() as api:
        assert (await read(api, None))[0] == 200
        assert (await read(api, None, Host="localhost:8080"))[0] == 200
        # What comes through a proxy comes from somewhere else, and so may what names us otherwise.
        for header in ({"X-Forwarded-For": "192.0.2.1"}, {"forwarded": "for=192.0.2.1"}, {"Host": "evil.example"}):
            assert (await read(api, None, **header))[0] == 401, header
            assert (await read(api, api.token, **header))[0] == 200


async def test_what_there_is_is_counted(api: ControlApi) -> None:
    await api.put_parents()
    gpus = (Gpu("GPU-1", "A", 1 << 30), Gpu("GPU-2", "A", 1 << 30, problem="GPU is lost"))
    node_id = await api.put_node("one", gpus=gpus)
    await api.put_node("two", connected=False)
    assert (await api.call("POST", "/deployments", DEPLOYMENT)).status == 201
    name = str(DEPLOYMENT["id"])
    await api.place(name, node_id)
    api.report(node_id, "r1", ReplicaStatus.READY, deployment_id=name)
    api.report(node_id, "r2", ReplicaStatus.FAILED, deployment_id=name)
    status, text = await read(api, api.token)
    found = values(text)
    assert status == 200
    assert found["homeport_nodes", "ready"] == 1
    assert found["homeport_sessions",] == 1
    assert (found["homeport_gpus", "ok"], found["homeport_gpus", "problem"]) == (1, 1)
    assert found["homeport_agents", "1.0.0"] == 1
    assert found["homeport_replicas", name, "ready"] == found["homeport_replicas", name, "failed"] == 1
    assert found["homeport_placements", name] == found["homeport_placed_max_replicas", name] == 1
    assert sum(value for key, value in found.items() if key[0] == "homeport_deployments") == 1

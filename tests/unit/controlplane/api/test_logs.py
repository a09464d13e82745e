import asyncio

import pytest

from homeport.core.errors import ErrorCode, HomeportError
from homeport.core.status import ReplicaStatus
from tests.fakes.control_api import DEPLOYMENT, ControlApi

LOGS = "/deployments/chat/logs"
SILENT = HomeportError(ErrorCode.UNAVAILABLE, "node gpu-2 is not connected")


@pytest.fixture(autouse=True)
async def replicas(api: ControlApi) -> None:
    """Two replicas on two nodes."""
    await api.put_parents()
    await api.call("POST", "/deployments", DEPLOYMENT)
    for number in (1, 2):
        node_id = await api.put_node(f"gpu-{number}")
        api.report(node_id, f"replica{number}-long-id", ReplicaStatus.READY)


async def test_lines_of_one_replica_come_as_they_are(api: ControlApi) -> None:
    api.logs.chunks["replica1-long-id"] = [b"one\ntwo\n", b"three\n"]
    answered = await api.call("GET", f"{LOGS}?replica=replica1&tail=7")
    assert (answered.status, answered.body) == (200, "one\ntwo\nthree\n")
    assert answered.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert api.logs.asked == [("replica1-long-id", "node-gpu-1", 7, False)]


async def test_lines_of_several_replicas_are_told_apart(api: ControlApi) -> None:
    api.logs.chunks = {"replica1-long-id": [b"a\nb\n"], "replica2-long-id": [b"c\n"]}
    lines = (await api.call("GET", LOGS)).body.splitlines()
    assert sorted(lines) == ["replica1 | a", "replica1 | b", "replica2 | c"]


async def test_followed_lines_come_at_once_and_leaving_closes_the_source(api: ControlApi) -> None:
    api.logs.chunks["replica1-long-id"] = [b"first\n"]
    headers = {"Authorization": f"Bearer {api.token}"}
    url = f"{api.url}/api/v1{LOGS}?follow=true&replica=replica1"
    async with api.session.get(url, headers=headers) as response:
        line = await asyncio.wait_for(response.content.readline(), 60)
        assert line == b"first\n"
        assert not api.logs.closed.is_set()
        response.close()
    await asyncio.wait_for(api.logs.closed.wait(), 60)


async def test_a_source_without_lines_answers_nonetheless(api: ControlApi) -> None:
    answered = await api.call("GET", f"{LOGS}?replica=replica1")
    assert (answered.status, answered.body) == (200, "")


async def test_a_silent_node_is_an_error_when_it_was_the_only_one(api: ControlApi) -> None:
    api.logs.chunks["replica2-long-id"] = [SILENT]
    answered = await api.call("GET", f"{LOGS}?replica=replica2")
    assert (answered.status, answered.error["message"]) == (503, SILENT.message)


async def test_a_silent_node_is_a_line_beside_others(api: ControlApi) -> None:
    api.logs.chunks = {"replica1-long-id": [b"a\n"], "replica2-long-id": [SILENT]}
    lines = (await api.call("GET", LOGS)).body.splitlines()
    assert lines == ["replica1 | a", "homeport: node gpu-2 is not connected"]


async def test_an_unknown_replica_is_not_found_and_the_others_are_named(api: ControlApi) -> None:
    answered = await api.call("GET", f"{LOGS}?replica=zzz")
    assert answered.status == 404
    assert "replica1, replica2" in answered.error["hint"]


async def test_a_deployment_without_replicas_has_no_lines(api: ControlApi) -> None:
    for number in (1, 2):
        api.report(f"node-gpu-{number}", f"replica{number}-long-id", ReplicaStatus.STOPPED)
    answered = await api.call("GET", LOGS)
    assert (answered.status, "has no replica" in answered.error["message"]) == (404, True)


async def test_an_unknown_deployment_is_not_found(api: ControlApi) -> None:
    assert (await api.call("GET", "/deployments/none/logs")).status == 404


async def test_what_was_kept_of_a_failure_is_asked_of_each_node(api: ControlApi) -> None:
    api.logs.failures = {
        "node-gpu-1": [b"== failure 2 of replica1\nboom\n", b"== failure 1 of replica1\nbang\n"],
        "node-gpu-2": [b"== failure 1 of replica2\noops\n"],
    }
    newest = (await api.call("GET", f"{LOGS}?previous=1")).body
    assert "boom" in newest
    assert "oops" in newest
    older = (await api.call("GET", f"{LOGS}?previous=2")).body
    assert "bang" in older
    assert "homeport: no such failure is kept on this node" in older
    assert (await api.call("GET", f"{LOGS}?previous=1&replica=replica2")).body.count("oops") == 1
    assert (await api.call("GET", f"{LOGS}?previous=9")).status == 503
    assert (await api.call("GET", f"{LOGS}?previous=-1")).status == 400


async def test_a_deployment_on_no_node_has_kept_nothing(api: ControlApi) -> None:
    for number in (1, 2):
        api.report(f"node-gpu-{number}", f"replica{number}-long-id", ReplicaStatus.STOPPED)
    answered = await api.call("GET", f"{LOGS}?previous=1")
    assert answered.status == 404

"""Refusals name what is in the way only to those who may see it."""

from typing import Any

import pytest

from controlplane.store.store import Kind
from tests.fakes.control_api import DEPLOYMENT, ControlApi

SECRET = "planted"


@pytest.fixture
async def fleet(api: ControlApi) -> ControlApi:
    """Two deployments on one nodepool: `chat` of nobody in particular, and one of a project that others do not see."""
    await api.put_parents()
    await api.put_node("gpu-1")
    assert (await api.call("POST", "/projects", {"id": "red"})).status == 201
    assert (await api.call("POST", "/projects", {"id": "blue"})).status == 201
    theirs = {**DEPLOYMENT, "id": SECRET, "project": "red"}
    assert (await api.call("POST", "/deployments", theirs)).status == 201
    return api


async def test_what_a_nodepool_serves(fleet: ControlApi) -> None:
    await fleet.store.write(lambda tx: tx.delete(Kind.NODE, "node-gpu-1"))
    outsider = await fleet.token_of("operator nodepool/office/gpu", permissions=["nodepools.read", "nodepools.write"])
    for token, names_it in ((outsider, False), (fleet.token, True)):
        refused = await fleet.call_as(token, "DELETE", "/nodepools/office/gpu")
        assert (refused.status, refused.error["code"]) == (409, "in_use")
        assert (SECRET in str(refused.body)) is names_it
    refused = await fleet.call_as(outsider, "DELETE", "/nodepools/office/gpu")
    assert "it serves deployment 1 that you may not see" in refused.error["message"]


async def test_what_stands_on_a_nodepool_already(fleet: ControlApi) -> None:
    insider = await fleet.token_of("deployer project/blue", "viewer nodepool/office/gpu")
    mine = {**DEPLOYMENT, "id": "mine", "project": "blue"}
    admins = await fleet.call("POST", "/deployments", mine)
    assert (admins.status, SECRET in str(admins.body)) == (409, True)
    refused = await fleet.call_as(insider, "POST", "/deployments", mine)
    assert refused.status in (404, 409), refused.body
    assert SECRET not in str(refused.body)


async def test_what_a_change_of_tenancy_would_move(fleet: ControlApi) -> None:
    limits: dict[str, Any] = {"permissions": ["nodepools.read", "nodepools.write", "projects.read"]}
    outsider = await fleet.token_of("operator nodepool/office/gpu", "viewer project/blue", **limits)
    pool = (await fleet.call("GET", "/nodepools/office/gpu")).body
    change = {"spec": {"tenancy": "dedicated", "project": "blue"}, "generation": pool["generation"]}
    for token, names_it in ((outsider, False), (fleet.token, True)):
        refused = await fleet.call_as(token, "PATCH", "/nodepools/office/gpu", change)
        assert refused.status == 409, refused.body
        assert (SECRET in str(refused.body)) is names_it, refused.body


async def test_whose_project_it_is(fleet: ControlApi) -> None:
    limits: dict[str, Any] = {"permissions": ["projects.read", "projects.write"]}
    outsider = await fleet.token_of("operator project/red", **limits)
    for token, names_it in ((outsider, False), (fleet.token, True)):
        refused = await fleet.call_as(token, "DELETE", "/projects/red")
        assert refused.status == 409, refused.body
        assert (SECRET in str(refused.body)) is names_it, refused.body


async def test_who_sees_all_of_it_reads_what_there_is(fleet: ControlApi) -> None:
    refused = await fleet.call("DELETE", "/clusters/office")
    assert "it has nodepool office/gpu" in refused.error["message"]

"""How many workers the gateway has, and who may say so."""

import asyncio

from controlplane.fleet.gateway_size import follow_size
from tests.fakes.control_api import ControlApi

PATIENCE = 60
SCALE = "/gateways/central/scale"


async def test_who_keeps_the_workers_hears_how_many_there_shall_be(api: ControlApi) -> None:
    told: asyncio.Queue[int] = asyncio.Queue()
    following = asyncio.create_task(follow_size(api.store, told.put_nowait))
    async with asyncio.timeout(PATIENCE):
        assert await told.get() == 1
        for count in (4, 2):
            answered = await api.call("POST", SCALE, {"workers": count})
            assert (answered.status, answered.body["wanted_workers"]) == (200, count)
            assert await told.get() == count
    following.cancel()


async def test_workers_are_shown(api: ControlApi) -> None:
    worker = {"id": "gateway-0", "pid": 42, "state": "serving", "version": "1.2.0", "nodes": 7}
    api.gateway_workers.append(worker)
    (gateway,) = (await api.call("GET", "/gateways")).body["items"]
    shown = {"id": "central", "url": "http://127.0.0.1:8000", "wanted_workers": 1, "workers": [worker]}
    assert gateway == {**shown, "version": "1.2.3"}


async def test_operators_say_how_many_and_viewers_see_it(api: ControlApi) -> None:
    for role, status in (("viewer", 403), ("deployer", 403), ("operator", 200)):
        assert (await api.call_as(await api.token_of(role), "POST", SCALE, {"workers": 2})).status == status
    assert (await api.call_as(await api.token_of("viewer"), "GET", "/gateways")).status == 200
    assert (await api.call_as(await api.token_of("invoker"), "GET", "/gateways")).status == 403


async def test_numbers_and_names_that_cannot_be_are_refused(api: ControlApi) -> None:
    for count in (0, 65, "two"):
        answered = await api.call("POST", SCALE, {"workers": count})
        assert (answered.status, answered.body["error"]["path"]) == (400, "gateway.workers")
    assert (await api.call("POST", "/gateways/other/scale", {"workers": 1})).status == 404

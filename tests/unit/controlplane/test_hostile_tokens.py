"""Five hundred tokens that must open nothing, at each door where tokens are asked for: REST, watch, its events, and the
gateway. Guessing has no limit here, so that each of them is really looked at."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest

from controlplane.api.routing import PREFIX
from controlplane.gateway.feed import GatewayFeed
from controlplane.gateway.publisher import GatewayPublisher
from homeport.core.guessing import Guesses
from homeport.gateway.callers.access_tokens import AccessTokens
from homeport.gateway.gateway import Gateway
from homeport.tunnel.server import TunnelServer
from tests.fakes.control_api import DEPLOYMENT, POOL, ControlApi
from tests.fakes.gateway_certificates import FakeCertificates
from tests.fakes.hostile_tokens import Taken, hostile

TRIES = 500


@dataclass
class Doors:
    """`learn` tells the gateway what the store holds."""

    api: ControlApi
    gateway_port: int
    learn: Callable[[], None]

    async def rest(self, authorization: str) -> tuple[int, Any]:
        return await self._ask("GET", f"{self.api.url}{PREFIX}/whoami", authorization)

    async def events(self, authorization: str) -> tuple[int, Any]:
        return await self._ask("GET", f"{self.api.url}{PREFIX}/watch/events?topics=nodes", authorization)

    async def watch(self, authorization: str) -> tuple[int, Any]:
        """As a browser asks for a WebSocket: refused before it becomes one."""
        headers = {
            "Connection": "Upgrade", "Upgrade": "websocket",
            "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        }  # fmt: skip
        return await self._ask("GET", f"{self.api.url}{PREFIX}/watch", authorization, headers)

    async def gateway(self, authorization: str) -> tuple[int, Any]:
        return await self._ask("GET", f"http://127.0.0.1:{self.gateway_port}/v1/models", authorization)

    async def inference(self, authorization: str) -> tuple[int, Any]:
        return await self._ask("POST", f"http://127.0.0.1:{self.gateway_port}/d/chat/x", authorization)

    async def _ask(
        self, method: str, url: str, authorization: str, headers: dict[str, str] | None = None
    ) -> tuple[int, Any]:
        """(status, what is said of the error but for the request's id)."""
        sent = {**(headers or {}), "Authorization": authorization}
        async with self.api.session.request(method, url, headers=sent) as response:
            if response.status in (101, 200):
                return response.status, None
            said = (await response.json())["error"]
            return response.status, {**said, "request_id": bool(said["request_id"])}


@pytest.fixture
async def doors() -> AsyncIterator[Doors]:
    async with ControlApi(Guesses(1 << 40)).running() as api:
        await api.put_parents()
        assert (await api.call("POST", "/deployments", DEPLOYMENT)).status == 201
        feed = GatewayFeed(FakeCertificates())
        publisher = GatewayPublisher(api.store, feed)
        tokens = AccessTokens(feed.tables.tokens.get, api.wall)
        gateway = Gateway(
            feed.tables.routes, tokens.check, TunnelServer(feed.tables), api.clock, guesses=Guesses(1 << 40)
        )
        port = await gateway.start("127.0.0.1", 0)
        yield Doors(api, port, publisher.load)
        await gateway.close(0)


async def taken(api: ControlApi) -> Taken:
    good, other = await api.token_of("admin"), await api.token_of("admin")
    over = {
        "expired": await api.token_of("admin", expires_in_seconds=1),
        "revoked": await api.token_of("admin"),
        "rotated": await api.token_of("admin"),
        "of somebody disabled": await api.token_of("admin", user="disabled"),
        "of somebody deleted": await api.token_of("admin", user="deleted"),
    }
    api.wall.advance(2)
    ids = {why: text.split(".")[1] for why, text in over.items()}
    user = (await api.call("GET", "/users/disabled")).body
    patch = {"spec": {"disabled": True}, "generation": user["generation"]}
    for method, path, body in [
        ("DELETE", f"/access-tokens/{ids['revoked']}", None),
        ("POST", f"/access-tokens/{ids['rotated']}/rotate", {"overlap_seconds": 0}),
        ("PATCH", "/users/disabled", patch),
        ("DELETE", "/role-bindings/deleted-0", None),
        ("DELETE", f"/access-tokens/{ids['of somebody deleted']}", None),
        ("DELETE", "/users/deleted", None),
    ]:
        answered = await api.call(method, path, body)
        assert answered.status < 300 or (path == "/role-bindings/deleted-0" and answered.status == 404), answered.body
    join = (await api.call("POST", "/join-tokens", {"nodepool": POOL})).body["token"]
    return Taken(good, other, over, join)


async def test_none_of_them_gets_in_and_all_hear_the_same(doors: Doors) -> None:
    held = await taken(doors.api)
    doors.learn()
    tries = hostile(held)
    assert len(tries) >= TRIES
    ways: tuple[Callable[[str], Awaitable[tuple[int, Any]]], ...] = (
        doors.rest,
        doors.watch,
        doors.events,
        doors.gateway,
        doors.inference,
    )
    before = doors.api.store.seq
    for way in ways:
        answers: dict[str, list[str]] = {}
        for what, value in tries.items():
            status, said = await way(value)
            answers.setdefault(f"{status} {said}", []).append(what)
        # One for a header without a token in it, one for all others: nothing tells what was nearly right.
        assert all(answer.startswith("401 ") for answer in answers), {key: each[:5] for key, each in answers.items()}
        odd = min(answers.values(), key=len) if len(answers) > 1 else []
        assert set(odd) <= {"no scheme"}, (way.__name__, odd)
    assert doors.api.store.seq == before
    # The doors are no walls.
    for text in (held.good, held.other):
        for way in (doors.rest, doors.gateway):
            assert (await way(f"Bearer {text}"))[0] == 200
            assert (await way(f"key {text}"))[0] == 200


async def test_a_token_in_another_place_than_the_header_opens_nothing(doors: Doors) -> None:
    good = await doors.api.token_of("admin")
    doors.learn()
    places: list[dict[str, Any]] = [
        {"params": {"access_token": good}},
        {"params": {"token": good}},
        {"cookies": {"token": good, "Authorization": f"Bearer {good}"}},
        {"headers": {"X-Api-Key": good}},
        {"headers": {"Proxy-Authorization": f"Bearer {good}"}},
        {"headers": {"X-Forwarded-Authorization": f"Bearer {good}"}},
        {"headers": {"X_Authorization": f"Bearer {good}"}},
    ]
    for url in (f"{doors.api.url}{PREFIX}/whoami", f"http://127.0.0.1:{doors.gateway_port}/v1/models"):
        for place in places:
            async with doors.api.session.get(url, **place) as response:
                assert response.status in (400, 401), (url, place)

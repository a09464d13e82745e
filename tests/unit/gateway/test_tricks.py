"""Ways to name a deployment so that the one who is asked and the one who decides read different names, and headers that
would take others away. Two deployments: `chat`, which the token may invoke, and `vault`, which it may not."""

import itertools
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace

import pytest

from agent.relay.deployment import Upstream
from homeport.gateway.routing.routes import RoutePolicy
from tests.fakes.data_plane import TERMS, TOKEN, DataPlane, TestPrincipal
from tests.fakes.model_server import ModelServer

VARIANTS = 200
MARKS = (";", ";x=y", ".", "%20", "%09", "%00", "%2f", "%5c", "%3b", "%23", "%3f", "+", "~", ",", "%c0%af", "\\")


@dataclass
class Site:
    plane: DataPlane
    chat: ModelServer
    vault: ModelServer

    async def send(self, head: str, body: bytes = b"") -> int:
        """A request on a connection of its own, behind which another one stands; the first answer's status."""
        client = await self.plane.connect()
        length = f"content-length: {len(body)}\r\n" if body else ""
        client.writer.write(f"{head}host: gateway\r\n{length}\r\n".encode("latin-1") + body)
        status, _, _ = await client.answer()
        client.close()
        return status


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    async with DataPlane() as plane:
        chat, vault = ModelServer(), ModelServer()
        plane.principals[TOKEN] = TestPrincipal(models=frozenset({"chat"}))
        plane.principals["hp1.root.secret"] = TestPrincipal("root")
        plane.table.put(RoutePolicy("vault", "jewels", placements={"node-1": (0, 1, 2)}, policy=plane.route.policy))
        await plane.serve(chat)
        await vault.start()
        plane.node.relay.set_deployment(replace(TERMS, deployment_id="vault"))
        plane.node.relay.set_upstreams("vault", [Upstream("vault-replica", "127.0.0.1", vault.port)])
        await plane.until(lambda: any(each.ready_replicas for each in plane.gateway.presences.candidates("vault")))
        yield Site(plane, chat, vault)
        await vault.close()


def spellings(name: str) -> Iterator[str]:
    """Of a name, in a path."""
    hexed = "".join(f"%{ord(letter):02x}" for letter in name)
    yield from (name, name.upper(), name.title(), hexed, hexed.upper(), f"%{hexed[1:]}", hexed.replace("%", "%25"))
    for at in range(len(name)):
        yield f"{name[:at]}%{ord(name[at]):02X}{name[at + 1 :]}"
    for mark in MARKS:
        yield f"{name}{mark}"
        yield f"{mark}{name}"
    for other in ("v\u00e0ult", "\uff56\uff41\uff55\uff4c\uff54", "vau\u200blt"):
        yield other.encode().decode("latin-1")
    yield from ("va%u0075lt", "va%CC%80ult", "vault%E2%80%8B")


def paths() -> Iterator[str]:
    for name in spellings("vault"):
        yield f"/d/{name}/x"
        yield f"/d/chat/../{name}/x"
        yield f"/d/chat/%2e%2e/{name}"
        yield f"/d/chat;/../{name}"
    for way in ("/d//vault/x", "//d/vault/x", "/d/./vault/x", "/./d/vault", "/d/chat/..;/vault/x", "/D/vault/x"):
        yield way
    for way in ("/d/chat%2f..%2fvault/x", "/d/chat%2f%2e%2e%2fvault/x", "/d/%2e%2e/d/vault", "/v1/../d/vault/x"):
        yield way
    for way in ("/d/chat/x?/../../vault", "/d/chat/x#/../vault", "/d/chat?x=/d/vault/x", "/d/chat/d/vault/x"):
        yield way
    for way in ("http://gateway/d/vault/x", "http://vault@gateway/d/chat/x", "d/vault/x", "*", "?/d/vault/x"):
        yield way


async def test_two_hundred_spellings_of_a_path_reach_nobody_who_may_not_be_reached(site: Site) -> None:
    tried = list(dict.fromkeys(paths()))
    assert len(tried) >= VARIANTS
    answers = {path: await site.send(f"GET {path} HTTP/1.1\r\nauthorization: Bearer {TOKEN}\r\n") for path in tried}
    assert site.vault.calls == []
    assert set(answers.values()) <= {200, 400, 403, 404, 405}, answers
    # What was answered went to the one that may be asked, by a path that says so.
    assert {path for path, status in answers.items() if status == 200} <= {
        path for path in tried if path.startswith("/d/chat") and ".." not in path.partition("?")[0]
    }
    assert await site.send("GET /d/vault/x HTTP/1.1\r\nauthorization: Bearer hp1.root.secret\r\n") == 200
    assert len(site.vault.calls) == 1


async def test_a_model_that_is_named_twice_or_otherwise_reaches_nobody_else(site: Site) -> None:
    bodies = [
        b'{"model": "vault"}', b'{"model": "chat", "model": "vault"}', b'{"model": "vault", "model": "chat"}',
        b'{"model": "vau\\u006ct"}', b'{"mod\\u0065l": "vault"}', b'{"Model": "vault", "model": "chat"}',
        b'{"model": ["vault"]}', b'{"model": {"id": "vault"}}', b'{"model": "jewels"}', b'{"model": "vault "}',
        b'{"model": "VAULT"}', b'{"model": "chat/../vault"}', b'{"model": null, "model": "vault"}',
        b'[{"model": "vault"}]',
        b'{"model": "chat"}{"model": "vault"}', b'\xef\xbb\xbf{"model": "vault"}',
        '{"model": "vault"}'.encode("utf-16"),
        json.dumps({"x": {"model": "vault"}, "model": "chat"}).encode(),
    ]  # fmt: skip
    headers = f"authorization: Bearer {TOKEN}\r\ncontent-type: application/json\r\n"
    for body in bodies:
        status = await site.send(f"POST /v1/chat/completions HTTP/1.1\r\n{headers}", body)
        assert status in (200, 400, 403, 404, 409), body
    assert site.vault.calls == []


async def test_headers_that_would_take_others_away_change_nothing(site: Site) -> None:
    names = (
        "authorization",
        "Authorization",
        "x-homeport-deployment",
        "X-Homeport-Deployment",
        "host",
        "content-length",
    )
    listed = [*names, ", ".join(names), "close, authorization", "keep-alive, x-homeport-deployment", "x-request-id"]
    for connection, deployment in itertools.product(listed, ("vault", "chat", "")):
        named = f"x-homeport-deployment: {deployment}\r\n" if deployment else ""
        for token in (TOKEN, "hp1.no.secret"):
            status = await site.send(
                f"GET /d/chat/x HTTP/1.1\r\nconnection: {connection}\r\n{named}authorization: Bearer {token}\r\n"
            )
            # What is listed may go; then the path decides, and whoever it names is asked about.
            allowed = {200, 400, 401, 403} if token == TOKEN else {400, 401, 429}
            assert status in allowed, (connection, deployment, token)
    assert site.vault.calls == []
    assert not any("secret" in str(call.headers) for call in site.chat.calls)


async def test_twins_of_headers_are_no_headers(site: Site) -> None:
    twins = ("X_Homeport_Deployment", "X-Homeport_Deployment", "x-homeport-deployment ", "HTTP_X_HOMEPORT_DEPLOYMENT")
    for twin in twins:
        status = await site.send(f"GET /d/chat/x HTTP/1.1\r\n{twin}: vault\r\nauthorization: Bearer {TOKEN}\r\n")
        assert status in (200, 400), twin
    for twin in ("X_Authorization", "Authorization_", "Proxy-Authorization", "X-Forwarded-User", "X-Homeport-Tenant"):
        assert await site.send(f"GET /d/chat/x HTTP/1.1\r\n{twin}: Bearer {TOKEN}\r\n") == 401, twin
    for value in ("vault, chat", "chat, vault", "Vault", " vault/../chat", "chat\tvault"):
        head = f"GET /d/chat/x HTTP/1.1\r\nx-homeport-deployment: {value}\r\nauthorization: Bearer {TOKEN}\r\n"
        assert await site.send(head) in (400, 404), value
    twice = f"x-homeport-deployment: chat\r\nx-homeport-deployment: vault\r\nauthorization: Bearer {TOKEN}\r\n"
    assert await site.send(f"GET /d/chat/x HTTP/1.1\r\n{twice}") in (200, 400, 403, 404)
    assert site.vault.calls == []

"""What a site's gateway tells of its requests: the same as others do, by the same options."""

import json
from pathlib import Path

from homeport.core.errors import ErrorCode
from homeport.metrics.text import page_of
from tests.fakes.local_site import FACTS, TOKEN, LocalSite, entry
from tests.fakes.model_server import ModelServer


async def test_denials_wait_for_a_control_plane_that_takes_them(tmp_path: Path) -> None:
    async with LocalSite(tmp_path) as site:
        await site.told_all()
        await site.serve(site.here, ModelServer())
        await site.told(entry("tokens", "few", {**FACTS, "models": ["other"]}))
        site.takes_denials = False
        assert (await site.ask(token="hp1.few.secret"))[0] == 403
        site.denials.look()
        assert site.denied == []
        site.takes_denials = True
        assert (await site.ask(token="hp1.guest.other"))[0] == 401
        site.denials.look()
        site.denials.look()
        told = [(each.token_id, each.address, each.request, each.code, each.time) for each in site.denied]
        assert told == [
            ("few", "127.0.0.1", "POST /d/chat/x", ErrorCode.PERMISSION_DENIED, 1000.0),
            ("", "127.0.0.1", "POST /d/chat/x", ErrorCode.UNAUTHENTICATED, 1000.0),
        ]


async def test_the_access_log_names_the_client_behind_a_trusted_proxy(tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    async with LocalSite(tmp_path / "state", trusted_proxies="127.0.0.0/8", access_log=str(log)) as site:
        await site.told_all()
        await site.serve(site.here, ModelServer())
        client = await site.client()
        forwarded = "x-forwarded-for: 192.0.2.7\r\n"
        status, _, _ = await client.ask("POST", "/d/chat/x", b"hello", headers=forwarded, token=TOKEN)
        assert status == 200
    line = json.loads(log.read_text())
    assert (line["client"], line["token_id"], line["deployment"], line["node"], line["status"]) == (
        "192.0.2.7",
        "guest",
        "chat",
        "here",
        200,
    )


async def test_its_numbers_are_those_of_a_gateway(tmp_path: Path) -> None:
    async with LocalSite(tmp_path) as site:
        await site.told_all()
        await site.serve(site.here, ModelServer())
        assert (await site.ask())[0] == 200
        text = page_of(site.gateway.metrics()).decode()
    of = 'deployment="chat",gateway="here"'
    assert f'homeport_gateway_requests_total{{{of},status="2xx"}} 1.0' in text
    assert 'homeport_gateway_tunnels{gateway="here"}' in text
    assert 'homeport_deployment_capacity_requests{deployment="chat"} 4.0' in text

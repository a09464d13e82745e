"""A token that is revoked, at a real gateway: refused there soon after, whatever becomes of the control plane."""

import urllib.error
import urllib.request
from functools import partial
from pathlib import Path

import pytest

from tests.system.site import Site

pytestmark = pytest.mark.system

_PATIENCE = 90.0


def status_of(site: Site, token: str) -> int:
    """Of an inference with that token."""
    request = urllib.request.Request(
        f"{site.url(site.gateway_port)}/d/echo/x", b"x", {"Authorization": f"Bearer {token}"}, method="POST"
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            return int(response.status)
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.code


def answers(site: Site, token: str, status: int) -> bool:
    return status_of(site, token) == status


def new_token(site: Site) -> tuple[str, str]:
    made = site.api("POST", "/access-tokens", {"name": "mine"})
    return made["id"], made["token"]


def test_a_revoked_token_is_refused_and_the_audit_log_has_who_tried(tmp_path: Path) -> None:
    with Site(tmp_path) as site:
        site.start_all()
        for _ in range(3):
            id, token = new_token(site)
            site.until(partial(answers, site, token, 200), "that the gateway knows it", _PATIENCE)
            site.api("DELETE", f"/access-tokens/{id}")
            site.until(partial(answers, site, token, 401), "its refusal", _PATIENCE)

        def tried() -> bool:
            entries = site.api("GET", "/audit?result=denied")["items"]
            return any(each["request"] == "gateway POST /d/echo/x" for each in entries)

        site.until(tried, "the gateway's denials in the audit log", _PATIENCE)


def test_a_gateway_that_missed_it_learns_it_from_the_next_control_plane(tmp_path: Path) -> None:
    with Site(tmp_path) as site:
        site.start_all()
        id, token = new_token(site)
        site.until(lambda: status_of(site, token) == 200, "that the gateway knows it", _PATIENCE)
        gateway = site.gateway_pid
        site.api("DELETE", f"/access-tokens/{id}")
        site.kill(site.server)
        # Whether it was told in time or not, it relays for others.
        assert site.ask("alone")["body"] == "alone"
        site.start_server()
        site.until(lambda: status_of(site, token) == 401, "its refusal", _PATIENCE)
        assert site.gateway_pid == gateway

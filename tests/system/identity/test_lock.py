"""A node that is locked while a request streams: session and tunnel end at once, its model runs on."""

import contextlib
import http.client
import urllib.error
from pathlib import Path
from typing import Any

import pytest

from tests.system.site import Site, replica_pids


@pytest.mark.system
def test_a_lock_ends_what_is_open(tmp_path: Path) -> None:
    with Site(tmp_path) as site:
        site.start_all()
        (node,) = site.every("/nodes")
        before = replica_pids(tmp_path / "agent")
        streaming = site.open("/d/echo/slow")
        assert streaming.read(1)
        locked = site.api("POST", f"/nodes/{node['id']}/lock", {"reason": "stolen?"})
        assert locked["spec"]["lock"]["reason"] == "stolen?"
        with streaming:
            left = _events_until_the_end(streaming)
        assert left < 600, "the model streams a minute long: the lock did not end it"
        site.until(lambda: not site.api("GET", f"/nodes/{node['id']}")["status"]["connected"], "its session's end")
        with pytest.raises(urllib.error.HTTPError) as refused:
            site.api("POST", f"/nodes/{node['id']}/lock", {"why": "a typing mistake"})
        refused.value.close()
        assert replica_pids(tmp_path / "agent") == before
        site.api("POST", f"/nodes/{node['id']}/unlock", {})
        site.until(lambda: site.ask("back")["body"] == "back", "an answer after the unlock", 60)
        assert replica_pids(tmp_path / "agent") == before


def _events_until_the_end(stream: Any) -> int:
    lines = 0
    with contextlib.suppress(OSError, http.client.HTTPException):
        while stream.readline():
            lines += 1
    return lines // 2

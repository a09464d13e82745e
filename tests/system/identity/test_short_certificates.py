"""Certificates of ten seconds under load: renewed all the time, nothing is lost. The long run: bench/rotation.py."""

import time
from pathlib import Path

import pytest

from bench.rotation import CERTIFICATE_SECONDS, rotate
from tests.system.site import Site, replica_pids


@pytest.mark.system
def test_no_request_is_lost_while_certificates_change(tmp_path: Path) -> None:
    figures = rotate(tmp_path, 30)
    assert figures.lost == []
    assert figures.requests > 100
    assert figures.renewals >= 4


@pytest.mark.system
def test_a_host_that_was_off_until_its_certificate_had_expired_comes_back_unaided(tmp_path: Path) -> None:
    with Site(tmp_path, "--certificate-seconds", str(CERTIFICATE_SECONDS)) as site:
        site.start_all()
        before = replica_pids(tmp_path / "agent")
        site.kill(site.agent)
        off_since = time.monotonic()
        site.until(lambda: time.monotonic() - off_since > CERTIFICATE_SECONDS + 1, "the end of its certificate")
        site.start_agent()
        site.until(lambda: site.ask("back")["body"] == "back", "an answer", 60)
        assert "node recovered" in (tmp_path / "server.log").read_text()
        assert len(site.every("/nodes")) == 1
        assert replica_pids(tmp_path / "agent") == before

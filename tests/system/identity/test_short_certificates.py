"""Certificates of ten seconds under load: renewed all the time, nothing is lost. The long run: bench/rotation.py."""

from pathlib import Path

import pytest

from bench.rotation import rotate


@pytest.mark.system
def test_no_request_is_lost_while_certificates_change(tmp_path: Path) -> None:
    figures = rotate(tmp_path, 30)
    assert figures.lost == []
    assert figures.requests > 100
    assert figures.renewals >= 4

"""The flows that the seeds describe, by command line and from Python, against a real control plane and real agents."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.conftest import ROOT, RunningDev

pytestmark = [pytest.mark.system, pytest.mark.timeout(900), pytest.mark.xdist_group("dev")]

_SECONDS = 500.0  # some thirty commands, and a model that starts four times, on two busy cores


@pytest.fixture(autouse=True)
def nothing_left(dev: RunningDev) -> Iterator[None]:
    """Each flow deletes what it made; a cluster goes last, after what is in it."""
    yield
    for noun, sample in (("cluster", "dev"), ("model", "smollm2")):
        assert [each["id"] for each in json.loads(dev.home.homeport(f"{noun} list -o json").stdout)] == [sample]


def test_by_command_line(dev: RunningDev) -> None:
    ran = dev.home.shell("bash examples/seeds-flow.sh", _SECONDS)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    for said in (
        "cluster test-compute-cluster created",
        "nodepool test-compute-cluster/test-nodepool created",
        "deployment/test-deployment created (dry run)",
        "deployment test-deployment created",
        "deployment/test-deployment unchanged",
        "deployment test-deployment scaled to 1\n",
        "deployment/test-deployment stopped",
        "deployment test-deployment deleted",
        "cluster test-compute-cluster deleted",
    ):
        assert said in ran.stdout
    assert "kept, but without effect in this release" in ran.stderr


def test_from_python(dev: RunningDev) -> None:
    ran = dev.home.shell(".venv/bin/python examples/seeds_flow.py", _SECONDS)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "edited: ['description'] restart needed: False" in ran.stdout
    assert "stopped: stopped" in ran.stdout


def test_the_sdks_page(dev: RunningDev, tmp_path: Path) -> None:
    """All of its blocks, one after the other."""
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "sdk.md").read_text(), re.DOTALL)
    program = tmp_path / "page.py"
    program.write_text("\n".join(blocks))
    ran = dev.home.shell(f".venv/bin/python {program}")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "homeport-agent join" in ran.stdout
    assert dev.home.homeport("apply -f examples/deployment.yaml").returncode == 0  # as the other tests know it

"""The demo of two sites, as its README says to run it."""

import re
import subprocess
import sys

import pytest

from tests.system.conftest import ROOT
from tests.system.netns import need_network_namespaces

# The names of its namespaces and its ports are fixed.
pytestmark = [pytest.mark.system, pytest.mark.timeout(300), pytest.mark.xdist_group("two-sites")]


def test_a_client_of_the_other_site_notices_nothing() -> None:
    need_network_namespaces()
    command = [sys.executable, "examples/two-sites/demo.py"]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=280, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    told = [re.sub(r"^ *[\d.]+ s  ", "", line) for line in ran.stdout.splitlines()]
    steps = ("link of site A cut", "agent of site A killed with -9", "control plane killed with -9")
    assert sorted(map(told.index, steps)) == list(map(told.index, steps))
    received = re.search(r"got (\d+) numbers in order", ran.stdout)
    assert received and int(received[1]) > 20, ran.stdout
    assert told[-1] == "models restarted: 0; the same processes as at the start: True"

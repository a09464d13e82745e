"""The demo of three sites, as its README says to run it."""

import re
import subprocess
import sys

import pytest

from tests.system.conftest import ROOT
from tests.system.netns import need_network_namespaces

# It shares names of namespaces and ports with the demo of two sites.
pytestmark = [pytest.mark.system, pytest.mark.timeout(400), pytest.mark.xdist_group("two-sites")]


def test_clients_are_answered_while_a_site_is_cut_off_mended_and_drained() -> None:
    need_network_namespaces()
    command = [sys.executable, "examples/multi-site/demo.py"]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=380, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    told = [re.sub(r"^ *[\d.]+ s  ", "", line) for line in ran.stdout.splitlines()]
    assert "huge waits: pending: none of 1 nodes takes it" in told
    assert "embed has two replicas on 1 of the lab's GPUs, a half each" in told
    steps = (
        "link of the rack cut",
        "link mended; chat is back in the rack, and nowhere else",
        "  chat: 1 to hp-cloud",
        "the rack is drained: chat is in the cloud",
        "the rack takes part again, and chat is back",
    )
    assert sorted(map(told.index, steps)) == list(map(told.index, steps))
    answered = re.search(r"(\d+) requests were answered, 0 were not", told[-1])
    assert answered and int(answered[1]) > 20, ran.stdout

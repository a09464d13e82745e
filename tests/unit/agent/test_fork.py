"""Children of an agent whose session is busy: gRPC's handlers of fork() must not run in them."""

import subprocess
import sys

_SCRIPT = """
import sys
import agent.main
assert "grpc" not in sys.modules, "loaded too early for the setting to count"
import os
from unittest import mock
with mock.patch("uvloop.run"), mock.patch("agent.daemon.run", mock.Mock()), mock.patch("agent.main._run_config"):
    agent.main._run(None)
assert "grpc" in sys.modules
print(os.environ["GRPC_ENABLE_FORK_SUPPORT"])
"""


def test_they_are_turned_off_before_grpc_is_loaded() -> None:
    done = subprocess.run([sys.executable, "-c", _SCRIPT], capture_output=True, text=True, timeout=100, check=False)
    assert (done.stdout, done.returncode) == ("false\n", 0), done.stderr

"""For all tests."""

import os
import sys

from hypothesis import HealthCheck, settings

# Hundreds of processes are started: each of them would compile all of our modules again.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# How fast examples are made or run says something of the machine only. CI tries the same examples each time, so that a
# change is judged by itself; everywhere else each run tries others.
settings.register_profile(
    "homeport",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=bool(os.environ.get("HOMEPORT_TEST_ALL")),
)
settings.load_profile("homeport")

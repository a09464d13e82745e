"""For how long tokens are accepted without the control plane: by the boot's clock, else by the wall's."""

import math

import pytest

from agent.local_gateway.freshness import Freshness, silence
from agent.state.site import LastHeard

HEARD = LastHeard("boot", 1000.0, 50_000.0)


@pytest.mark.parametrize(
    ("heard", "boot", "uptime", "wall", "expected"),
    [
        (None, "boot", 10.0, 50_000.0, math.inf),
        (HEARD, "boot", 1600.0, 50_600.0, 600.0),
        # Whatever the wall clock was set to.
        (HEARD, "boot", 1600.0, 0.0, 600.0),
        (HEARD, "next boot", 30.0, 53_600.0, 3600.0),
        # Set back, or without a battery: as long as it runs at least.
        (HEARD, "next boot", 30.0, 10.0, 30.0),
    ],
)
def test_silence(heard: LastHeard | None, boot: str, uptime: float, wall: float, expected: float) -> None:
    assert silence(heard, boot, uptime, wall) == expected


def test_what_is_left_runs_out_and_begins_anew_when_somebody_is_heard() -> None:
    uptime, ago = 2000.0, None
    freshness = Freshness("boot", lambda: uptime, lambda: 49_000.0 + uptime, lambda: ago)
    assert freshness.left == -math.inf
    freshness.load(HEARD, 3600.0)
    assert freshness.left == 2600.0
    uptime = 4600.0
    assert freshness.left == 0.0
    ago = 4.0
    assert freshness.left == 3596.0
    assert freshness.is_linked
    assert freshness.heard() == LastHeard("boot", 4596.0, 53_596.0)
    ago = 31.0
    assert not freshness.is_linked

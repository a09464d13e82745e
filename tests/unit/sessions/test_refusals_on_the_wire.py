from agent.link.messages import Load
from agent.link.wire import heartbeat_to_wire
from controlplane.sessions.wire import refusals_from_wire
from homeport.core.refusal import Refusal, RefusalCode


def test_refusals_ride_on_heartbeats() -> None:
    refused = (Refusal("chat", RefusalCode.DEVICES_HELD, "100 % of gpu-0", "60 % of it left"),)
    beat = heartbeat_to_wire(Load(refused=refused), wall=1.0, epoch_kept=1)
    assert refusals_from_wire(beat.refused) == refused
    assert refusals_from_wire(heartbeat_to_wire(Load(), wall=1.0, epoch_kept=1).refused) == ()

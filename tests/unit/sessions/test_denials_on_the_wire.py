"""What a local gateway denied arrives as it was told, under the node whose session it came on."""

from dataclasses import replace

from agent.link.wire import denials_to_wire
from controlplane.sessions.wire import denials_from_wire
from homeport.core.errors import ErrorCode
from homeport.gateway.callers.denial import Denial

DENIAL = Denial("t1", "192.0.2.7", "r1", "POST /d/chat/x", ErrorCode.UNAUTHENTICATED, "wrong token", 1000.5)


def test_there_and_back() -> None:
    assert list(denials_from_wire("n1", denials_to_wire([DENIAL]))) == [replace(DENIAL, node_id="n1")]


def test_a_code_of_a_newer_agent_is_a_denial_all_the_same() -> None:
    message = denials_to_wire([DENIAL])
    message.denials[0].code = "too_shy"
    (denial,) = denials_from_wire("n1", message)
    assert denial.code is ErrorCode.PERMISSION_DENIED

import pytest

from homeport.gateway.routing.heading import Heading
from homeport.http1.head import Fields, request_head


def heading(*fields: tuple[bytes, bytes]) -> Heading:
    given: Fields = [(b"host", b"a"), *fields]
    head, _ = request_head(b"GET", b"/d/chat/x", b"/d/chat/x", "1.1", given)
    return Heading(head)


@pytest.mark.parametrize(
    ("fields", "seconds"),
    [
        ((), 0.0),
        (((b"x-request-timeout", b"2.5"),), 2.5),
        (((b"x-homeport-timeout", b"2.5"),), 2.5),
        (((b"x-request-timeout", b"9"), (b"x-homeport-timeout", b"3")), 3.0),
        (((b"x-request-timeout", b"0"), (b"x-homeport-timeout", b"3")), 3.0),
        (((b"x-stainless-timeout", b"600"),), 0.0),
    ],
)
def test_the_shortest_deadline_that_a_request_names_holds(
    fields: tuple[tuple[bytes, bytes], ...], seconds: float
) -> None:
    made = heading(*fields)
    assert made.timeout_seconds == seconds
    assert b"x-request-timeout" not in made.start
    assert b"x-homeport-timeout" not in made.start

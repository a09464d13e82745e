import pytest

from homeport.core.balance.balancing import Balancing, Sticky
from homeport.gateway.balancing.affinity import Affinity, affinity_of
from homeport.http1.head import Fields


def of(balancing: Balancing, *fields: tuple[bytes, bytes], client: str = "192.0.2.1", is_tls: bool = False) -> Affinity:
    given: Fields = list(fields)
    return affinity_of(balancing, given, lambda: client, is_tls)


COOKIE = Balancing(sticky=Sticky("cookie", "Sitz", 60.0))
HEADER = Balancing(sticky=Sticky("header", "x-session"))


def test_a_client_is_its_address_and_tells_nothing_of_it() -> None:
    for balancing in Balancing("ip_hash"), Balancing(sticky=Sticky("client_ip")):
        key = of(balancing).key
        assert key == of(balancing).key != of(balancing, client="192.0.2.2").key
        assert len(key) == 16
    assert of(Balancing("round_robin")) == Affinity()


def test_a_header_names_a_session() -> None:
    assert of(HEADER, (b"x-session", b"7")).key == of(HEADER, (b"x-session", b"7"), client="192.0.2.9").key != ""
    assert of(HEADER) == Affinity(), "without one there is none"


def test_a_header_that_is_not_there_leaves_the_address_to_its_algorithm() -> None:
    both = Balancing("ip_hash", Sticky("header", "x-session"))
    assert of(both) == of(Balancing("ip_hash"))


@pytest.mark.parametrize(("is_tls", "ending"), [(False, b"SameSite=Lax\r\n"), (True, b"SameSite=Lax; Secure\r\n")])
def test_a_client_is_given_a_cookie_once(is_tls: bool, ending: bytes) -> None:
    first, second = of(COOKIE, is_tls=is_tls), of(COOKIE, is_tls=is_tls)
    assert first.key != second.key
    line = first.lines
    assert line.startswith(b"set-cookie: Sitz=") and line.endswith(ending)
    assert b"; Path=/; Max-Age=60; HttpOnly; " in line
    pair = line.removeprefix(b"set-cookie: ").partition(b";")[0]
    again = of(COOKIE, (b"cookie", b"a=b; " + pair + b"; c=d"), is_tls=is_tls)
    assert again == Affinity(first.key), "any gateway makes the same of it, and sets no other"
    assert of(COOKIE, (b"cookie", b"a=b"), (b"cookie", pair)) == Affinity(first.key)
    assert of(COOKIE, (b"cookie", b"XSitz=1; Sitz=")).lines, "an empty one is none"

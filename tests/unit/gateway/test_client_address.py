import pytest

from homeport.core.errors import HomeportError
from homeport.gateway.callers.client_address import trusted_proxies


@pytest.mark.parametrize(
    ("peer", "chains", "client"),
    [
        ("198.51.100.9", ["203.0.113.1"], "198.51.100.9"),  # anybody may write that
        ("10.0.0.5", ["203.0.113.1"], "203.0.113.1"),
        ("10.0.0.5", ["1.2.3.4, 203.0.113.1"], "203.0.113.1"),  # what stands before was written by the client
        ("10.0.0.5", ["1.2.3.4, 203.0.113.1, 10.0.0.6"], "203.0.113.1"),
        ("10.0.0.5", ["1.2.3.4", "203.0.113.1"], "203.0.113.1"),
        ("10.0.0.5", ["10.0.0.6"], "10.0.0.6"),
        ("10.0.0.5", [], "10.0.0.5"),
        ("10.0.0.5", ["unknown"], "10.0.0.5"),
        ("10.0.0.5", ["203.0.113.1, unknown, 10.0.0.6"], "10.0.0.6"),
        ("::ffff:10.0.0.5", ["203.0.113.1"], "203.0.113.1"),
        ("2001:db8::1", ["2001:db8:1::9"], "2001:db8:1::9"),
        ("", ["203.0.113.1"], ""),
    ],
)
def test_only_what_trusted_proxies_say_is_believed(peer: str, chains: list[str], client: str) -> None:
    proxies = trusted_proxies("10.0.0.0/24, 2001:db8::1")
    assert proxies is not None
    assert proxies.client(peer, [(b"x-forwarded-for", chain.encode()) for chain in chains]) == client


def test_networks_are_checked() -> None:
    assert trusted_proxies(" ") is None
    with pytest.raises(HomeportError, match=r"10\.0\.0\.1/24"):
        trusted_proxies("10.0.0.1/24")

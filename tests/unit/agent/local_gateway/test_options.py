"""What a local gateway is started with, and what is refused with which fix."""

from pathlib import Path

import pytest

from agent.local_gateway.options import LocalGatewayOptions, local_gateway_options
from agent.main import _parser, _run_config
from homeport.core.errors import HomeportError


def test_ports() -> None:
    options = local_gateway_options({"clients": "0.0.0.0:8000", "tls": "internal"})
    assert (options.clients_at, options.tunnels_at) == (("0.0.0.0", 8000), ("0.0.0.0", 8001))
    options = local_gateway_options({"clients": "[::1]:8000", "tunnels": "10.0.0.5:9000"})
    assert (options.clients_at, options.tunnels_at) == (("::1", 8000), ("10.0.0.5", 9000))


@pytest.mark.parametrize(
    ("given", "message", "hint"),
    [
        ({}, "is missing", "0.0.0.0:8000"),
        ({"tls": "internal"}, "is missing", "clients ="),
        ({"clients": "0.0.0.0:8000"}, "tokens would pass in clear", 'tls = "internal"'),
        ({"clients": "10.0.0.5:8000"}, "tokens would pass in clear", "127.0.0.1"),
        ({"clients": "127.0.0.1:8000", "tunnels": "127.0.0.1:8000"}, "is where clients come", "a port of its own"),
        ({"clients": "127.0.0.1:8000", "tls": "on"}, "'on' is not allowed", "internal"),
        ({"clients": "127.0.0.1:8000", "tls_cert": "/x"}, "a certificate needs its key", "both"),
        ({"clients": "127.0.0.1:8000", "tls_cert": "/x", "tls_key": "/y"}, "there is no file /x", "absolute"),
        ({"clients": "127.0.0.1:8000", "tls_cert": "/x", "tls_key": "/y", "tls": "internal"}, "already", "leave out"),
        ({"clients": "plant.local:8000"}, "'plant.local' is no address", "IP address"),
        ({"clients": "127.0.0.1:99999"}, "is not an address", "HOST:PORT"),
        ({"clients": "127.0.0.1:8000", "trusted_proxies": "10.0.0.0/99"}, "10.0.0.0/99", "192.168.4.0/24"),
        ({"clients": "127.0.0.1:8000", "access_log": "access.log"}, "is no file in a folder", "an absolute path"),
        ({"clients": "127.0.0.1:8000", "access_log": "/no/such/folder/log"}, "is no file in a folder", "or -"),
        ({"clients": "127.0.0.1:8000", "port": "1"}, "unknown setting", "known: clients"),
    ],
)
def test_refusals(given: dict[str, str], message: str, hint: str) -> None:
    with pytest.raises(HomeportError) as refused:
        local_gateway_options(given)
    assert message in refused.value.message
    assert hint in refused.value.hint


def test_flags_stand_above_the_policy_file(tmp_path: Path) -> None:
    policy = tmp_path / "agent.toml"
    policy.write_text('[local_gateway]\nclients = "0.0.0.0:8000"\ntls = "internal"\n')
    run = ["run", "--state-dir", str(tmp_path), "--policy", str(policy)]
    config = _run_config(_parser().parse_args(run))
    assert config.local_gateway == LocalGatewayOptions("0.0.0.0:8000", tls="internal")
    config = _run_config(_parser().parse_args([*run, "--local-gateway", "127.0.0.1:9000"]))
    assert config.local_gateway == LocalGatewayOptions("127.0.0.1:9000", tls="internal")


def test_by_default_there_is_none(tmp_path: Path) -> None:
    run = ["run", "--state-dir", str(tmp_path), "--policy", str(tmp_path / "none.toml")]
    assert _run_config(_parser().parse_args(run)).local_gateway is None

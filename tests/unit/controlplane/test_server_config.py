"""The server's command line: where plain HTTP is allowed, and what TLS needs."""

from pathlib import Path

import pytest

from controlplane.config import parse_config
from controlplane.front import front_names, front_url

DATA = ["--data-dir", "data"]
GATEWAY = ["--role", "gateway", "--advertise", "edge.example:8444"]
OIDC = [
    *("--oidc-issuer", "https://id.example", "--oidc-client-id", "homeport"),
    *("--oidc-client-secret-file", __file__),
]
FILES = ["--tls-cert", "a.crt", "--tls-key", "a.key"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--host", "0.0.0.0"], "--tls internal, or --tls-cert FILE --tls-key FILE"),
        (["--host", "192.0.2.1"], "access tokens must not travel in clear"),
        (["--host", "::"], "--tls internal"),
        (["--host", "control.example"], "is not an address"),
        (["--tls-cert", "a.crt"], "belong together"),
        (["--tls-key", "a.key"], "belong together"),
        (["--tls", "internal", *FILES], "leave it out"),
        (["--tls-name", "a", *FILES], "goes with --tls internal"),
        (["--tls", "internal", "--tls-name", "homeport-control-plane"], "agents' ports"),
        (["--oidc-issuer", "https://id.example"], "needs --oidc-client-id and --oidc-client-secret-file"),
        (["--oidc-client-id", "homeport"], "go with --oidc-issuer"),
        ([*OIDC, "--oidc-issuer", "http://id.example"], "must begin with https://"),
        ([*OIDC, "--oidc-client-secret-file", "no-such-file"], "no-such-file is no file"),
        ([*OIDC, "--oidc-ca-file", "no-such-file"], "no-such-file is no file"),
        (["--public-url", "homeport.example"], "not of the form https://HOST"),
        (["--public-url", "https://homeport.example/below"], "not of the form https://HOST"),
        (["--session-idle-hours", "0"], "not a number of hours"),
        (["--trusted-proxies", "10.0.0.1/24"], "10.0.0.7,192.168.4.0/24"),
        (["--access-log", "no-such-directory/access.log"], "not a file in a directory that exists"),
        (["--access-log", "/"], "not a file"),
        (["--join-token", "hp1.edge.x.y"], "are for --role gateway"),
        (["--role", "gateway"], "needs --advertise HOST:PORT"),
        (["--role", "gateway", "--advertise", "edge:no-port"], "write HOST:PORT"),
        ([*GATEWAY, "--join-token", "hp1.edge.x.y"], "--control-plane and --join-token belong together"),
        ([*GATEWAY, "--database", "sqlite://"], "are a control plane's"),
        ([*GATEWAY, "--host", "0.0.0.0"], "access tokens must not travel in clear"),
    ],
)
def test_what_is_refused_and_how_to_mend_it(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        parse_config([*DATA, *arguments])
    assert ended.value.code == 2
    assert words in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "url"),
    [
        ([], "http://127.0.0.1:1"),
        (["--host", "localhost"], "http://127.0.0.1:1"),
        (["--host", "::1"], "http://[::1]:1"),
        (["--tls", "internal"], "https://127.0.0.1:1"),
        (["--host", "192.0.2.1", *FILES], "https://192.0.2.1:1"),
        (["--host", "0.0.0.0", *FILES], "https://localhost:1"),
        (["--host", "0.0.0.0", "--advertise", "control.example", *FILES], "https://control.example:1"),
    ],
)
def test_where_clients_find_it(arguments: list[str], url: str) -> None:
    assert front_url(parse_config([*DATA, *arguments]), 1) == url


def test_the_internal_certificate_is_for_every_name_that_is_known() -> None:
    given = ["--host", "192.0.2.1", "--advertise", "control.example", "--tls", "internal", "--tls-name", "api.example"]
    names = front_names(parse_config([*DATA, *given]))
    assert {"localhost", "127.0.0.1", "::1", "192.0.2.1", "control.example", "api.example"} <= set(names)
    assert len(names) == len(set(names))


def test_files_are_paths() -> None:
    config = parse_config([*DATA, *FILES])
    assert (config.tls_cert, config.tls_key, config.serves_tls) == (Path("a.crt"), Path("a.key"), True)


def test_an_openid_provider_is_told_as_whom_it_knows_this_server(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("s/ecret\n")
    given = [*OIDC, "--oidc-client-secret-file", str(tmp_path / "secret"), "--oidc-known-users-only"]
    config = parse_config([*DATA, *given, "--public-url", "https://homeport.example/"])
    assert config.public_url == "https://homeport.example"
    assert config.oidc
    settings = config.oidc.settings("https://homeport.example/callback")
    assert (settings.issuer, settings.client_id, settings.client_secret) == (
        "https://id.example",
        "homeport",
        "s/ecret",
    )
    assert not settings.new_users
    assert parse_config(DATA).oidc is None

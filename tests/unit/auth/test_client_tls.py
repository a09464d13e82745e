"""Certificates towards clients: which are taken, when they are renewed, what happens to bad ones."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from controlplane.auth.ca import KeyPair, open_ca
from controlplane.auth.client_tls import INTERNAL_LIFE, CertificateFiles, ClientTls, InternalCertificate
from homeport.core.errors import HomeportError
from tests.fakes.certificates import ForeignCa, replace

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


class Files:
    def __init__(self, folder: Path) -> None:
        self.ca = ForeignCa()
        self.certificate, self.key, self.other_key = folder / "tls.crt", folder / "tls.key", folder / "other.key"
        self.ca.issue(self.certificate, self.key, now=NOW)
        self.tls = ClientTls(CertificateFiles(self.certificate, self.key))


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


def _serial(pair: KeyPair) -> int:
    return x509.load_pem_x509_certificates(pair.certificate)[0].serial_number


def test_files_are_taken_over_when_they_change_and_gateways_hear_of_it(files: Files) -> None:
    heard: list[int] = []
    files.tls.on_change = lambda pair: heard.append(_serial(pair))
    files.tls.look(NOW)
    first = _serial(files.tls.pair)
    files.tls.look(NOW)
    second = files.ca.issue(files.certificate, files.key, now=NOW)
    files.tls.look(NOW)
    assert heard == [first, second]


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda files: files.key.unlink(), "cannot read .*tls.key"),
        (lambda files: replace(files.certificate, b"nothing"), "holds no certificate in PEM form"),
        (lambda files: replace(files.key, b"nothing"), "do not go together"),
        (
            lambda files: ForeignCa().issue(files.certificate, files.key.with_name("other.key"), now=NOW),
            "do not go together",
        ),
        (lambda files: files.ca.issue(files.certificate, files.key, now=NOW, password=b"x"), "is encrypted"),
        (lambda files: files.ca.issue(files.certificate, files.key, now=NOW - timedelta(days=2)), "expired on"),
    ],
)
def test_what_is_of_no_use_leaves_the_certificate_as_it_was(files: Files, spoil: object, words: str) -> None:
    files.tls.look(NOW)
    before = files.tls.pair
    spoil(files)  # type: ignore[operator]
    with pytest.raises(HomeportError, match=words) as refused:
        files.tls.look(NOW)
    assert "--tls-cert" in refused.value.hint
    assert files.tls.pair is before
    good = files.ca.issue(files.certificate, files.key, now=NOW)
    files.tls.look(NOW)
    assert _serial(files.tls.pair) == good


def test_the_internal_one_is_renewed_when_a_third_of_its_life_is_left(tmp_path: Path) -> None:
    source = InternalCertificate(open_ca(tmp_path, NOW), ["control.example", "192.0.2.1", "::1"])
    first = source.newer(NOW)
    assert first is not None
    due = NOW + INTERNAL_LIFE * 2 / 3
    assert source.newer(due - timedelta(seconds=1)) is None
    second = source.newer(due)
    assert second is not None
    assert _serial(second) != _serial(first)
    leaf = x509.load_pem_x509_certificates(second.certificate)[0]
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["control.example"]
    assert [str(address) for address in names.get_values_for_type(x509.IPAddress)] == ["192.0.2.1", "::1"]

"""TLS towards clients: the certificate of API and gateway, replaced while they serve."""

import asyncio
import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

import structlog
from cryptography import x509

from controlplane.auth.ca import CertificateAuthority, KeyPair
from homeport.core.errors import ErrorCode, HomeportError
from homeport.tls import front_tls, load_pair

log = structlog.get_logger()

_LOOK_SECONDS = 2.0
INTERNAL_LIFE = timedelta(days=90)


class CertificateSource(Protocol):
    def newer(self, now: datetime) -> KeyPair | None:
        """None = as before. Raises HomeportError when there is another one and it is of no use."""


class InternalCertificate:
    """Of the internal CA, for these names and addresses. A third of its life is left when it is renewed."""

    def __init__(self, ca: CertificateAuthority, names: list[str]) -> None:
        self._ca = ca
        self._names = names
        self._renew_at = datetime.min.replace(tzinfo=UTC)

    def newer(self, now: datetime) -> KeyPair | None:
        if now < self._renew_at:
            return None
        self._renew_at = now + INTERNAL_LIFE * 2 / 3
        return self._ca.issue_front(self._names, INTERNAL_LIFE, now)


class CertificateFiles:
    """Looked at by time, size and inode, so that renamed files and moved links count as changed, too."""

    def __init__(self, certificate: Path, key: Path) -> None:
        self._certificate = certificate
        self._key = key
        self._seen: object = None

    def newer(self, now: datetime) -> KeyPair | None:
        try:
            seen = [(s.st_mtime_ns, s.st_ino, s.st_size) for s in (self._certificate.stat(), self._key.stat())]
            if seen == self._seen:
                return None
            self._seen = seen
            pair = KeyPair(self._key.read_bytes(), self._certificate.read_bytes())
        except OSError as error:
            raise _unusable(f"cannot read {error.filename}: {error.strerror}") from None
        if b"ENCRYPTED" in pair.key:
            raise _unusable(f"the key in {self._key} is encrypted: nobody is there to type its password")
        try:
            leaf = x509.load_pem_x509_certificates(pair.certificate)[0]
        except ValueError:
            raise _unusable(f"{self._certificate} holds no certificate in PEM form") from None
        if leaf.not_valid_after_utc < now:
            raise _unusable(
                f"the certificate in {self._certificate} has expired on {leaf.not_valid_after_utc:%Y-%m-%d}"
            )
        return pair


class ClientTls:
    """`context` is the API's, `gateway` that of a gateway in this process. `on_change` hears of each newer pair: other
    gateways run elsewhere."""

    def __init__(self, source: CertificateSource) -> None:
        self.context = front_tls()
        self.gateway = front_tls(http2=True)
        self.on_change: Callable[[KeyPair], None] | None = None
        self._source = source
        self._pair: KeyPair | None = None

    @property
    def pair(self) -> KeyPair:
        if self._pair is None:
            raise RuntimeError("look() comes first")
        return self._pair

    def look(self, now: datetime) -> None:
        """Takes a newer certificate over. Raises HomeportError, with the one before still in use."""
        pair = self._source.newer(now)
        if pair is None:
            return
        try:
            load_pair(self.context, pair.key, pair.certificate)
            load_pair(self.gateway, pair.key, pair.certificate)
        except ssl.SSLError as error:
            raise _unusable(f"key and certificate do not go together: {error.reason or error}") from None
        self._pair = pair
        leaf = x509.load_pem_x509_certificates(pair.certificate)[0]
        log.info("certificate towards clients loaded", expires=leaf.not_valid_after_utc.isoformat())
        if self.on_change is not None:
            self.on_change(pair)

    async def follow(self) -> None:
        """Until cancelled."""
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            try:
                self.look(datetime.now(UTC))
            except HomeportError as error:
                log.error("the certificate towards clients stays as it was", reason=str(error))


def _unusable(why: str) -> HomeportError:
    return HomeportError(
        ErrorCode.INVALID_ARGUMENT,
        why,
        hint="--tls-cert takes the certificate with its chain, --tls-key its key, both PEM; --tls internal makes one",
    )

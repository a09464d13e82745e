"""Who a gateway on a host of its own is: its key, and what the control plane has signed for that."""

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import structlog
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from controlplane.private_file import write_private
from homeport.core.errors import ErrorCode, HomeportError

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class HostIdentity:
    """Texts are PEM. `joined_with` is the SHA-256 of the join token. `workers` has a certificate for the tunnel port of
    each, by its number; `client_certificate` is for `client_names`. `issued_at` is unix seconds."""

    name: str
    session_target: str
    joined_with: str
    key: str
    certificate: str
    ca: str
    issued_at: float
    ttl_seconds: float
    workers: tuple[str, ...] = ()
    client_names: tuple[str, ...] = ()
    client_certificate: str = ""

    def is_due(self, workers: int, client_names: tuple[str, ...], wall: float) -> bool:
        """Whether to ask for certificates: at half of their life, also where that clock is wrong, or for more."""
        return self.lacks(workers, client_names) or not 0 <= wall - self.issued_at < self.ttl_seconds / 2

    def lacks(self, workers: int, client_names: tuple[str, ...]) -> bool:
        return len(self.workers) < workers or self.client_names != client_names

    @property
    def csr(self) -> bytes:
        return make_csr(self.key.encode())


class IdentityFiles:
    """In the data directory, for its owner alone."""

    def __init__(self, folder: Path) -> None:
        self._key = folder / "gateway-key.pem"
        self._file = folder / "gateway.json"

    def key(self) -> bytes:
        """Made at the first call, and on the disk before anybody binds a token to it."""
        if not self._key.exists():
            made = ec.generate_private_key(ec.SECP256R1())
            encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
            write_private(self._key, made.private_bytes(encoding, form, serialization.NoEncryption()))
        return self._key.read_bytes()

    def load(self) -> HostIdentity | None:
        """None where this host has not joined. Raises HomeportError for files that cannot be read."""
        try:
            told = json.loads(self._file.read_text())
            texts = {name: tuple(told[name]) for name in ("workers", "client_names")}
            return HostIdentity(**{**told, **texts}, key=self.key().decode())
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise HomeportError(
                ErrorCode.INTERNAL,
                f"{self._file} cannot be read: {error}",
                hint="remove it, and join again with a new token: homeport gateway join-token NAME",
            ) from None

    def save(self, identity: HostIdentity) -> None:
        told = asdict(replace(identity, key=""))
        del told["key"]
        write_private(self._file, json.dumps(told).encode())


def make_csr(key: bytes) -> bytes:
    """DER, for a PEM key."""
    private = serialization.load_pem_private_key(key, password=None)
    assert isinstance(private, ec.EllipticCurvePrivateKey)
    request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(private, hashes.SHA256())
    return request.public_bytes(serialization.Encoding.DER)

"""First trust: the CA that the join token pins, taken from the control plane itself."""

import hashlib
import socket
import ssl
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from homeport.core.errors import ErrorCode, HomeportError
from homeport.target import join_target

_CONNECT_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class JoinToken:
    """`hp1.<id>.<secret>.<pin>`; the pin is the SHA-256 of the CA's public key, hex."""

    text: str
    token_id: str
    pin: str


def parse_join_token(text: str) -> JoinToken:
    """Raises HomeportError(INVALID_ARGUMENT); the message never repeats the token."""
    parts = text.strip().split(".")
    if len(parts) != 4 or parts[0] != "hp1" or not all(parts) or len(parts[3]) != 64:
        raise HomeportError(
            ErrorCode.INVALID_ARGUMENT,
            "this is not a join token",
            hint="it begins with hp1. and has four parts: homeport join-token create --nodepool CLUSTER/NODEPOOL makes "
            "one for a node, homeport gateway join-token NAME one for a gateway",
        )
    return JoinToken(text.strip(), parts[1], parts[3].lower())


def fetch_pinned_ca(host: str, port: int, pin: str) -> bytes:
    """PEM of the CA certificate whose key is `pin`, out of what host:port shows.

    Nothing is trusted by this connection: the pin alone decides. Raises HomeportError that says what to mend.
    """
    for certificate in _presented_chain(host, port):
        if _pin_of(certificate) == pin:
            return certificate.public_bytes(serialization.Encoding.PEM)
    raise HomeportError(
        ErrorCode.PERMISSION_DENIED,
        f"the control plane at {join_target(host, port)} is not the one that made this join token",
        hint="make the token on that control plane; if it was, somebody stands between it and this host",
    )


def _presented_chain(host: str, port: int) -> list[x509.Certificate]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    target = join_target(host, port)
    try:
        with (
            socket.create_connection((host, port), timeout=_CONNECT_SECONDS) as plain,
            context.wrap_socket(plain) as connection,
        ):
            return [x509.load_der_x509_certificate(der) for der in _unverified_chain(connection)]
    except (ssl.SSLError, ConnectionResetError):
        raise HomeportError(
            ErrorCode.UNAVAILABLE,
            f"{target} answers, but it is not the enrollment port of a control plane",
            hint="give the enrollment port, 8442 unless it was changed",
        ) from None
    except TimeoutError:
        raise _unreachable(target, f"no answer within {_CONNECT_SECONDS:g} s") from None
    except OSError as error:
        raise _unreachable(target, error.strerror or str(error)) from None


def _unverified_chain(connection: ssl.SSLSocket) -> list[bytes]:
    """DER, leaf first. Public since Python 3.13; before, the same function was there under the socket."""
    if hasattr(connection, "get_unverified_chain"):
        return list(connection.get_unverified_chain())
    chain = connection._sslobj.get_unverified_chain()  # type: ignore[attr-defined]
    return [ssl.PEM_cert_to_DER_cert(certificate.public_bytes()) for certificate in chain]


def _pin_of(certificate: x509.Certificate) -> str:
    spki = certificate.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return hashlib.sha256(spki).hexdigest()


def _unreachable(target: str, why: str) -> HomeportError:
    return HomeportError(
        ErrorCode.UNAVAILABLE,
        f"cannot reach the control plane at {target}: {why}",
        hint="check that it runs, and that this host may open connections to it",
    )

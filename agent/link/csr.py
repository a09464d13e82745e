"""Keys and signing requests.

`python -m agent.link.csr` prints a new pair, so that a running agent renews without keeping the cryptography library
in its memory. It reads the key that is held now and signs the request with it, too: a host whose certificate has
expired proves by that who it is.
"""

import base64
import json
import sys

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec


def make_key() -> bytes:
    """A new P-256 key, PEM."""
    return ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def make_csr(key_pem: bytes) -> bytes:
    """A signing request, DER. Its subject is empty: the control plane issues the identity."""
    key = serialization.load_pem_private_key(key_pem, password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ValueError("not an elliptic-curve key")
    request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    return request.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def sign_recovery(key_pem: bytes, csr: bytes) -> bytes:
    """What Enrollment.Recover asks for."""
    key = serialization.load_pem_private_key(key_pem, password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ValueError("not an elliptic-curve key")
    return key.sign(b"homeport recover" + csr, ec.ECDSA(hashes.SHA256()))


if __name__ == "__main__":
    held_key, fresh_key = sys.stdin.buffer.read(), make_key()
    request = make_csr(fresh_key)
    made = {"csr": request, "signature": sign_recovery(held_key, request)}
    told = {name: base64.b64encode(value).decode() for name, value in made.items()}
    sys.stdout.write(json.dumps({"key": fresh_key.decode(), **told}))

"""Keys and signing requests.

`python -m agent.link.csr` prints a new pair, so that a running agent renews without keeping the cryptography library
in its memory.
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


if __name__ == "__main__":
    fresh_key = make_key()
    pair = {"key": fresh_key.decode(), "csr": base64.b64encode(make_csr(fresh_key)).decode()}
    sys.stdout.write(json.dumps(pair))

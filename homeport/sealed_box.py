"""Boxes that only the holder of one key can open: ECDH on P-256, HKDF-SHA256, AES-256-GCM.

A box is made with a key pair of its own, which is thrown away: whoever made it cannot open it again.
"""

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256, Hash
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

_CURVE = ec.SECP256R1()
_POINT_BYTES = 65
_NONCE_BYTES = 12
_INFO = b"homeport sealed box 1"


class NotOpened(Exception):
    """The key is another one, the box belongs elsewhere, or it was damaged."""


def seal(public_key: ec.EllipticCurvePublicKey, content: bytes, belongs_to: bytes) -> bytes:
    """`belongs_to` must be given again to open it."""
    own = ec.generate_private_key(_CURVE)
    point, nonce = _point(own.public_key()), os.urandom(_NONCE_BYTES)
    key = _key(own.exchange(ec.ECDH(), public_key), point, _point(public_key))
    return point + nonce + AESGCM(key).encrypt(nonce, content, belongs_to)


def unseal(private_key: ec.EllipticCurvePrivateKey, box: bytes, belongs_to: bytes) -> bytes:
    """Raises NotOpened."""
    point, nonce, content = box[:_POINT_BYTES], box[_POINT_BYTES:][:_NONCE_BYTES], box[_POINT_BYTES + _NONCE_BYTES :]
    try:
        other = ec.EllipticCurvePublicKey.from_encoded_point(_CURVE, point)
        key = _key(private_key.exchange(ec.ECDH(), other), point, _point(private_key.public_key()))
        return AESGCM(key).decrypt(nonce, content, belongs_to)
    except (InvalidTag, ValueError):
        raise NotOpened from None


def key_id(public_key: ec.EllipticCurvePublicKey) -> str:
    """Which key a box is for, hex."""
    digest = Hash(SHA256())
    digest.update(_point(public_key))
    return digest.finalize().hex()


def _key(shared: bytes, sender: bytes, recipient: bytes) -> bytes:
    return HKDF(SHA256(), 32, salt=None, info=_INFO + sender + recipient).derive(shared)


def _point(public_key: ec.EllipticCurvePublicKey) -> bytes:
    return public_key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)

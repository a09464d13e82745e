"""The master key: it wraps the data key of each secret, and lies in a file of its own, apart from the database.

The file has a key on each line. All of them open, the first one seals; there is more than one only while a rotation
goes on.
"""

import base64
import binascii
import hashlib
import os
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from controlplane.private_file import write_private
from homeport.core.errors import ErrorCode, HomeportError

KEY_BYTES = 32
_NONCE_BYTES = 12
_HEADER = "# Homeport's master key. Without it no secret can be read: keep a copy of it apart from the database's.\n"


@dataclass(frozen=True, slots=True)
class MasterKeys:
    keys: tuple[bytes, ...]

    @property
    def current(self) -> str:
        """The id of the key that seals."""
        return key_id(self.keys[0])

    def wrap(self, content: bytes, belongs_to: bytes) -> bytes:
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + AESGCM(self.keys[0]).encrypt(nonce, content, belongs_to)

    def unwrap(self, id: str, wrapped: bytes, belongs_to: bytes) -> bytes:
        """`id` says by which key. Raises HomeportError(INTERNAL)."""
        try:
            key = next(key for key in self.keys if key_id(key) == id)
            return AESGCM(key).decrypt(wrapped[:_NONCE_BYTES], wrapped[_NONCE_BYTES:], belongs_to)
        except (StopIteration, InvalidTag, ValueError):
            raise HomeportError(
                ErrorCode.INTERNAL,
                "a secret cannot be opened: it was damaged, or sealed by another master key",
                hint="give the secret its values again: homeport secret update --help",
            ) from None

    def with_new(self) -> "MasterKeys":
        return MasterKeys((new_key(), *self.keys))

    def without_old(self) -> "MasterKeys":
        return MasterKeys(self.keys[:1])


def new_key() -> bytes:
    return os.urandom(KEY_BYTES)


def key_id(key: bytes) -> str:
    return hashlib.sha256(b"homeport master key" + key).hexdigest()[:16]


def open_master_keys(path: Path, needed: Collection[str]) -> MasterKeys:
    """Of a file, which is made when there is none. `needed` are the ids of the keys that the store's secrets were
    sealed by. Raises HomeportError: with another key no secret could be read, and models would start without theirs."""
    try:
        keys = _parse(path, path.read_text())
    except FileNotFoundError:
        if needed:
            raise _wrong(path, "is not there", needed) from None
        keys = MasterKeys((new_key(),))
        write_keys(path, keys)
    except (OSError, UnicodeDecodeError) as error:
        raise _unusable(path, getattr(error, "strerror", "") or "not text") from None
    if not {key_id(key) for key in keys.keys}.issuperset(needed):
        raise _wrong(path, f"holds another key ({keys.current})", needed)
    return keys


def write_keys(path: Path, keys: MasterKeys) -> None:
    lines = "".join(f"{base64.b64encode(key).decode()}\n" for key in keys.keys)
    try:
        write_private(path, (_HEADER + lines).encode())
    except OSError as error:
        raise _unusable(path, error.strerror or str(error)) from None


def _parse(path: Path, text: str) -> MasterKeys:
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    try:
        keys = tuple(base64.b64decode(line, validate=True) for line in lines)
    except (binascii.Error, ValueError):
        raise _unusable(path, "a line is not base64") from None
    if not keys or any(len(key) != KEY_BYTES for key in keys):
        raise _unusable(path, f"it must hold {KEY_BYTES} bytes in base64")
    return MasterKeys(keys)


def _unusable(path: Path, why: str) -> HomeportError:
    return HomeportError(
        ErrorCode.INVALID_ARGUMENT,
        f"the master key file {path} cannot be used: {why}",
        hint="restore it from your copy, or mend its owner and mode; a new one: head -c 32 /dev/urandom | base64",
    )


def _wrong(path: Path, what: str, needed: Collection[str]) -> HomeportError:
    return HomeportError(
        ErrorCode.CONFLICT,
        f"the master key file {path} {what}, and the secrets of this store were sealed by {', '.join(sorted(needed))}",
        hint="restore the file from your copy, or name the right one with --master-key-file",
    )

"""The values of a secret as the store keeps them: AES-256-GCM under a data key of each version, which the master key
wraps. The secret's id is part of both, so that what was sealed for one secret opens as no other."""

import base64
import json
import os
from collections.abc import Mapping
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from controlplane.secrets.master_key import KEY_BYTES, MasterKeys
from homeport.core.errors import ErrorCode, HomeportError

_NONCE_BYTES = 12


class Vault:
    def __init__(self, keys: MasterKeys) -> None:
        self._keys = keys

    def seal(self, id: str, values: Mapping[str, str]) -> dict[str, Any]:
        """As JSON can hold it."""
        data_key, nonce = os.urandom(KEY_BYTES), os.urandom(_NONCE_BYTES)
        content = AESGCM(data_key).encrypt(nonce, json.dumps(dict(values)).encode(), _values_of(id))
        return {**self._wrapped(id, data_key), "content": _text(nonce + content)}

    def open(self, id: str, sealed: Mapping[str, Any]) -> dict[str, str]:
        """Raises HomeportError(INTERNAL)."""
        content = _bytes(sealed["content"])
        try:
            plain = AESGCM(self._data_key(id, sealed)).decrypt(
                content[:_NONCE_BYTES], content[_NONCE_BYTES:], _values_of(id)
            )
        except InvalidTag:
            raise HomeportError(
                ErrorCode.INTERNAL,
                f"secret {id} was damaged",
                hint="give it its values again: homeport secret update --help",
            ) from None
        values: dict[str, str] = json.loads(plain)
        return values

    def rewrap(self, id: str, sealed: Mapping[str, Any]) -> dict[str, Any]:
        """The same values under the current master key."""
        if sealed["master_key"] == self._keys.current:
            return dict(sealed)
        return {**sealed, **self._wrapped(id, self._data_key(id, sealed))}

    def _wrapped(self, id: str, data_key: bytes) -> dict[str, str]:
        return {"master_key": self._keys.current, "data_key": _text(self._keys.wrap(data_key, _data_key_of(id)))}

    def _data_key(self, id: str, sealed: Mapping[str, Any]) -> bytes:
        return self._keys.unwrap(sealed["master_key"], _bytes(sealed["data_key"]), _data_key_of(id))


def _values_of(id: str) -> bytes:
    return f"homeport secret {id}".encode()


def _data_key_of(id: str) -> bytes:
    return f"homeport data key {id}".encode()


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode()


def _bytes(text: str) -> bytes:
    return base64.b64decode(text)

"""The values of secrets on their way to one node, and on its disk: for one placement, to be opened by one key."""

import base64
import json
from collections.abc import Mapping

from cryptography.hazmat.primitives.asymmetric import ec

from homeport import sealed_box
from homeport.core.sealed_secrets import SealedSecrets
from homeport.core.secrets import Values


def seal_secrets(
    values: Values, node_id: str, placement_id: str, public_key: ec.EllipticCurvePublicKey
) -> SealedSecrets:
    content = json.dumps({secret: dict(own) for secret, own in values.items()}).encode()
    box = sealed_box.seal(public_key, content, _belongs_to(node_id, placement_id))
    return SealedSecrets(sealed_box.key_id(public_key), base64.b64encode(box).decode())


def open_secrets(
    sealed: SealedSecrets, node_id: str, placement_id: str, keys: Mapping[str, ec.EllipticCurvePrivateKey]
) -> Values:
    """`keys` are the node's, by their ids. Raises sealed_box.NotOpened."""
    key = keys.get(sealed.key_id)
    if key is None:
        raise sealed_box.NotOpened
    content = sealed_box.unseal(key, base64.b64decode(sealed.box), _belongs_to(node_id, placement_id))
    values: Values = json.loads(content)
    return values


def _belongs_to(node_id: str, placement_id: str) -> bytes:
    return f"homeport secrets of {placement_id} on {node_id}".encode()

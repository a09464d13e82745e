"""`python -m agent.secrets.boxes` opens a box: so a running agent does without the cryptography library in its memory.

It reads {keys, node_id, placement_id, key_id, box} as JSON and prints the values, or {} when no key opens the box. Both
go through pipes that nobody else reads.
"""

import json
import sys
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from homeport.core.sealed_secrets import SealedSecrets
from homeport.core.secrets import Values
from homeport.sealed_box import NotOpened, key_id
from homeport.sealed_secrets import open_secrets


def open_ordered(order: dict[str, Any]) -> Values:
    loaded = [load_pem_private_key(key.encode(), password=None) for key in order["keys"]]
    keys = {key_id(key.public_key()): key for key in loaded if isinstance(key, ec.EllipticCurvePrivateKey)}
    sealed = SealedSecrets(order["key_id"], order["box"])
    try:
        return open_secrets(sealed, order["node_id"], order["placement_id"], keys)
    except NotOpened:
        return {}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(open_ordered(json.load(sys.stdin))))

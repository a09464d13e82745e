"""What each node is given of secrets: the values that its placements need, sealed to the key of its certificate."""

import structlog
from cryptography.hazmat.primitives.asymmetric import ec

from controlplane.fleet.revisions import workload_of
from controlplane.secrets.vault import Vault
from controlplane.store.store import Kind, Record, Store
from homeport.core.errors import HomeportError
from homeport.core.sealed_secrets import SealedSecrets
from homeport.sealed_secrets import seal_secrets

log = structlog.get_logger()

NONE = SealedSecrets()


class NodeSecrets:
    def __init__(self, store: Store, vault: Vault) -> None:
        self._store = store
        self._vault = vault

    def sealed(self, placement: Record, revision: Record, key: ec.EllipticCurvePublicKey) -> SealedSecrets:
        """The newest values. Without those that cannot be opened here the node starts no replica, and says so."""
        # Most workloads have none, and reading one costs more than all else here.
        plain = revision.spec["workload"]
        if not plain.get("secret_env") and not plain.get("secret_files"):
            return NONE
        try:
            values = {
                id: {key: value for key, value in self._open(id).items() if key in keys}
                for id, keys in workload_of(revision).secrets_needed().items()
            }
        except HomeportError as error:
            log.error("a placement goes out without its secrets", placement_id=placement.id, reason=error.message)
            return NONE
        return seal_secrets(values, placement.spec["node_id"], placement.id, key)

    def _open(self, id: str) -> dict[str, str]:
        """Empty for one that was deleted, which only an old revision can name."""
        secret = self._store.get(Kind.SECRET, id)
        return self._vault.open(id, secret.status["sealed"]) if secret is not None else {}

from controlplane.api.collection import Collection
from controlplane.api.queries import SecretQuery
from controlplane.fleet.kinds import secret_kind
from controlplane.secrets.vault import Vault
from homeport.schema.edited import EditedSecret
from homeport.schema.resources import Secret


def secrets_collection(vault: Vault) -> Collection:
    return Collection(secret_kind(vault), "secrets", "/secrets", "/secrets/{secret}", SecretQuery, Secret, EditedSecret)

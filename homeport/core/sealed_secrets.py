from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SealedSecrets:
    """The values of secrets for one placement on one node. `box` is base64; `key_id` says which key of the node opens
    it. Both are empty where there is nothing to seal. homeport/sealed_secrets.py makes and opens them."""

    key_id: str = ""
    box: str = ""

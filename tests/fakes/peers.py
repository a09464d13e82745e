"""What gRPC tells a servicer of a node that has connected."""

from functools import lru_cache

from tests.fakes.certs import authority, issue


@lru_cache(maxsize=4096)
def auth_context(node_id: str) -> dict[str, list[bytes]]:
    """One certificate per node."""
    _, certificate = issue(authority().ca, san_uri=f"homeport://node/{node_id}")
    return {"x509_pem_cert": [certificate]}

"""A data directory whose nodes have all joined, written as enrolment writes it."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from controlplane.auth.ca import CertificateAuthority, open_ca
from controlplane.fleet.clusters import accept_cluster
from controlplane.fleet.node_access import note_issue
from controlplane.fleet.nodepools import accept_nodepool
from controlplane.store.sql import SqlStore
from controlplane.store.store import Kind, Transaction
from homeport.schema.cluster import ClusterRef, ClusterSpec
from homeport.schema.nodepool import NodepoolSpec

CLUSTER, NODEPOOL = "bench", "all"
_BATCH = 500
_LIFE = timedelta(days=1)


async def enroll(data_dir: Path, count: int, folder: Path) -> None:
    """Puts into `folder` what drivers need: key.pem, ca.pem and nodes.json, a list of [node id, certificate].

    All nodes have one key: what it costs to make 10,000 is not asked here.
    """
    ca = open_ca(data_dir)
    key = ec.generate_private_key(ec.SECP256R1())
    request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(key, hashes.SHA256())
    csr = request.public_bytes(serialization.Encoding.DER)
    store = SqlStore(f"sqlite:///{data_dir}/homeport.db")
    await store.open()
    await store.write(lambda tx: _create_site(tx, count))
    nodes = []
    for batch in _batches([f"node-{number:05}" for number in range(count)]):
        nodes += await store.write(lambda tx, batch=batch: [_create_node(tx, ca, csr, id) for id in batch])  # type: ignore[misc]
    await store.close()
    key_format = serialization.PrivateFormat.PKCS8
    pem = key.private_bytes(serialization.Encoding.PEM, key_format, serialization.NoEncryption())
    (folder / "key.pem").write_bytes(pem)
    (folder / "ca.pem").write_bytes(ca.bundle)
    (folder / "nodes.json").write_text(json.dumps(nodes))


def _create_site(tx: Transaction, count: int) -> None:
    accept_cluster(tx, ClusterSpec(id=CLUSTER))
    pool = NodepoolSpec(id=NODEPOOL, compute_cluster=ClusterRef(id=CLUSTER), max_instances=count)
    accept_nodepool(tx, pool)


def _create_node(tx: Transaction, ca: CertificateAuthority, csr: bytes, node_id: str) -> tuple[str, str]:
    spec = {"name": node_id, "cluster": CLUSTER, "nodepool": NODEPOOL, "hostname": node_id, "machine_id": node_id}
    tx.create(Kind.NODE, node_id, spec, {"epoch": 0, "agent_version": "bench"})
    issued = ca.issue_node(node_id, csr, _LIFE, datetime.now(UTC))
    note_issue(tx, node_id, issued)
    return node_id, issued.pem.decode()


def _batches(ids: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(ids), _BATCH):
        yield ids[start : start + _BATCH]

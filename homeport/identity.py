"""The names in certificates: what the control plane is called, and how a node is known by its own."""

from collections.abc import Iterable, Mapping
from typing import Any

# What agents expect in the server's certificate, whatever address they dial.
SERVER_NAME = "homeport-control-plane"
NODE_URI = "homeport://node/"


def peer_node_id(auth_context: Mapping[str, Iterable[bytes]]) -> str | None:
    """The node at the other end of an mTLS connection, of gRPC's auth context; None for a peer that is no node."""
    names = auth_context.get("x509_subject_alternative_name", ())
    return _node_id(name.decode(errors="replace") for name in names)


def certificate_node_id(certificate: Mapping[str, Any]) -> str | None:
    """The same of a verified certificate as ssl.SSLSocket.getpeercert() gives it."""
    return _node_id(name for kind, name in certificate.get("subjectAltName", ()) if kind == "URI")


def _node_id(names: Iterable[str]) -> str | None:
    for name in names:
        if name.startswith(NODE_URI):
            return name.removeprefix(NODE_URI)
    return None

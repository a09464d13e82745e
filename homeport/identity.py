"""The names in certificates: what the control plane is called, and how a node is known by its own."""

from collections.abc import Iterable, Mapping

# What agents expect in the server's certificate, whatever address they dial.
SERVER_NAME = "homeport-control-plane"
NODE_URI = "homeport://node/"


def peer_node_id(auth_context: Mapping[str, Iterable[bytes]]) -> str | None:
    """The node at the other end of an mTLS connection, of gRPC's auth context; None for a peer that is no node."""
    for name in auth_context.get("x509_subject_alternative_name", ()):
        text = name.decode(errors="replace")
        if text.startswith(NODE_URI):
            return text.removeprefix(NODE_URI)
    return None

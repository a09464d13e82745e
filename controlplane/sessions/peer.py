"""Who is at the other end of an mTLS connection."""

from collections.abc import Mapping, Sequence

from controlplane.auth.ca import NODE_URI


def peer_node_id(auth_context: Mapping[str, Sequence[bytes]]) -> str | None:
    """The node id of the certificate's URI name; None for a peer that is no node."""
    for name in auth_context.get("x509_subject_alternative_name", ()):
        text = name.decode(errors="replace")
        if text.startswith(NODE_URI):
            return text.removeprefix(NODE_URI)
    return None

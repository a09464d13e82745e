"""The names in certificates: what the control plane and its gateways are called, and how a node is known by its own."""

import ssl
from collections.abc import Iterable, Mapping
from typing import Any

from homeport.core.node_identity import Shown

# What agents expect in the server's certificate, whatever address they dial.
SERVER_NAME = "homeport-control-plane"
NODE_URI = "homeport://node/"
# The same of gateways: a node that dials one wants to meet no other part of the control plane, and no node.
GATEWAY_NAME = "homeport-gateway"
GATEWAY_URI = "homeport://gateway/"
# Of local gateways, which only the nodes of their own cluster dial: their URI names the node that they stand on. With
# such a certificate nobody can pose as a gateway of the control plane.
SITE_GATEWAY_NAME = "homeport-site-gateway"


def node_id_of(names: Iterable[str]) -> str | None:
    """The node that a certificate's alternative names stand for; None unless there is exactly one, a node's URI."""
    all_names = list(names)
    if len(all_names) != 1 or not all_names[0].startswith(NODE_URI):
        return None
    return all_names[0].removeprefix(NODE_URI) or None


def gateway_host_of(names: Iterable[str]) -> str | None:
    """The same of a gateway on a host of its own, towards the control plane; its workers' tunnel ports have another
    name beside it."""
    all_names = list(names)
    if len(all_names) != 1 or not all_names[0].startswith(GATEWAY_URI):
        return None
    return all_names[0].removeprefix(GATEWAY_URI) or None


def gateway_in(certificate: Mapping[str, Any], kind: str = GATEWAY_NAME) -> str:
    """The worker id of the gateway whose verified certificate this is; empty for a peer that is none of that kind."""
    match certificate.get("subjectAltName", ()):
        case (("DNS", name), ("URI", uri)) if name == kind and str(uri).startswith(GATEWAY_URI):
            return str(uri).removeprefix(GATEWAY_URI)
    return ""


def shown_in(certificate: Mapping[str, Any]) -> Shown | None:
    """Of a verified certificate as ssl.SSLSocket.getpeercert() gives it; None for a peer that is no node."""
    names = certificate.get("subjectAltName", ())
    node_id = node_id_of(name if kind == "URI" else "" for kind, name in names)
    if node_id is None:
        return None
    return Shown(
        node_id,
        f"{int(certificate['serialNumber'], 16):x}",
        float(ssl.cert_time_to_seconds(certificate["notBefore"])),
        float(ssl.cert_time_to_seconds(certificate["notAfter"])),
    )

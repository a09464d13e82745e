"""How the ports that agents dial identify themselves, and whom they let in."""

import grpc

from controlplane.auth.ca import KeyPair


def enrollment_credentials(server: KeyPair) -> grpc.ServerCredentials:
    """Hosts that join have no certificate yet."""
    return grpc.ssl_server_credentials([(server.key, server.certificate)])


def node_credentials(server: KeyPair, ca_bundle: bytes) -> grpc.ServerCredentials:
    """Mutual TLS: only nodes get in."""
    return grpc.ssl_server_credentials(
        [(server.key, server.certificate)], root_certificates=ca_bundle, require_client_auth=True
    )

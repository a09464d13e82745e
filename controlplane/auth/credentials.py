"""How the enrollment port identifies itself."""

import grpc

from controlplane.auth.ca import KeyPair


def enrollment_credentials(server: KeyPair) -> grpc.ServerCredentials:
    """Hosts that join have no certificate yet."""
    return grpc.ssl_server_credentials([(server.key, server.certificate)])

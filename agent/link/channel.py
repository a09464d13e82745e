"""How a node shows who it is to the control plane: mutual TLS."""

import ssl

import grpc

from agent.state.identity import Identity
from homeport.grpc_dialer import open_channel
from homeport.http2.tls import client_tls


def node_credentials(identity: Identity) -> grpc.ChannelCredentials:
    return grpc.ssl_channel_credentials(
        root_certificates=identity.ca, private_key=identity.key, certificate_chain=identity.certificate
    )


def node_tls(identity: Identity, at_any_time: bool = False) -> ssl.SSLContext:
    """The same for tunnels, which do not go through gRPC's library."""
    return client_tls(identity.key, identity.certificate, identity.ca, at_any_time)


def dial_home(identity: Identity) -> grpc.aio.Channel:
    """A connection of its own to the control plane's session port."""
    return open_channel(identity.session_target, node_credentials(identity))

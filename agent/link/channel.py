"""gRPC channels to the control plane: mutual TLS, one TCP connection each, quick to notice a dead link."""

import ssl

import grpc

from agent.state.identity import Identity
from homeport.http2.tls import client_tls
from homeport.identity import SERVER_NAME

_OPTIONS = (
    ("grpc.ssl_target_name_override", SERVER_NAME),
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.keepalive_time_ms", 5000),
    ("grpc.keepalive_timeout_ms", 3000),
    ("grpc.http2.ping_timeout_ms", 3000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),
    # Messages are small and rare: measuring the bandwidth after each costs more than they do.
    ("grpc.http2.bdp_probe", 0),
    # A full snapshot of a large node.
    ("grpc.max_receive_message_length", 64 * 1024 * 1024),
)


def node_credentials(identity: Identity) -> grpc.ChannelCredentials:
    return grpc.ssl_channel_credentials(
        root_certificates=identity.ca, private_key=identity.key, certificate_chain=identity.certificate
    )


def node_tls(identity: Identity, at_any_time: bool = False) -> ssl.SSLContext:
    """The same for tunnels, which do not go through gRPC's library."""
    return client_tls(identity.key, identity.certificate, identity.ca, at_any_time)


def open_channel(target: str, credentials: grpc.ChannelCredentials) -> grpc.aio.Channel:
    return grpc.aio.secure_channel(target, credentials, options=_OPTIONS)


def dial_home(identity: Identity) -> grpc.aio.Channel:
    """A connection of its own to the control plane's session port."""
    return open_channel(identity.session_target, node_credentials(identity))

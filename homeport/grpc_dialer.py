"""gRPC channels to the control plane: one TCP connection each, quick to notice a dead link."""

import grpc

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
    # A full snapshot of a large node, or one entry of a gateway's tables.
    ("grpc.max_receive_message_length", 64 * 1024 * 1024),
)


def open_channel(target: str, credentials: grpc.ChannelCredentials) -> grpc.aio.Channel:
    return grpc.aio.secure_channel(target, credentials, options=_OPTIONS)

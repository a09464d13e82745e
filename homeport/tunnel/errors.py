"""What is wrong with a tunnel."""


class TunnelProtocolError(Exception):
    """The other end does not keep to docs/protocol.md: the tunnel is given up."""


class AttachError(Exception):
    """The gateway did not accept the tunnel."""


class DuplicateError(Exception):
    """There is a tunnel to the worker that was reached."""

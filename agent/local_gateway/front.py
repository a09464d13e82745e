"""What clients of a local gateway are met with: certificate files that are read again when they change, or a
certificate of the internal CA."""

import asyncio
import ssl
from pathlib import Path

import structlog

from agent.local_gateway.options import LocalGatewayOptions
from homeport.core.errors import ErrorCode, HomeportError
from homeport.tls import front_tls, load_pair

log = structlog.get_logger()

_LOOK_SECONDS = 30.0


class Front:
    """`context` is None for plain HTTP."""

    def __init__(self, options: LocalGatewayOptions) -> None:
        self.context: ssl.SSLContext | None = front_tls() if options.serves_tls else None
        self.is_internal = bool(options.tls)
        self._files = (Path(options.tls_cert), Path(options.tls_key)) if options.tls_cert else None
        self._read_at: tuple[int, ...] = ()

    def start(self) -> None:
        """Raises HomeportError(INVALID_ARGUMENT) for files that are of no use."""
        try:
            self._look()
        except (OSError, ssl.SSLError) as error:
            raise HomeportError(
                ErrorCode.INVALID_ARGUMENT,
                f"local gateway: the certificate cannot be used: {error}",
                path="local_gateway.tls_cert",
                hint="tls_cert and tls_key are PEM files that belong together, and that the agent's user may read",
            ) from None

    def use(self, key: bytes, certificate: bytes) -> None:
        """The internal CA's."""
        if self.context is not None:
            load_pair(self.context, key, certificate)

    async def run(self) -> None:
        """Until cancelled. What is of no use leaves the certificate as it was."""
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            try:
                self._look()
            except (OSError, ssl.SSLError) as error:
                log.warning("the local gateway's new certificate cannot be used", error=str(error))

    def _look(self) -> None:
        if self._files is None or self.context is None:
            return
        changed_at = tuple(file.stat().st_mtime_ns for file in self._files)
        if changed_at != self._read_at:
            certificate, key = (file.read_bytes() for file in self._files)
            load_pair(self.context, key, certificate)
            self._read_at = changed_at

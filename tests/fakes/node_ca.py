"""A CA's node certificates and what a host does with them, without gRPC between."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc

from agent.link.csr import make_csr, make_key, sign_recovery
from controlplane.auth.ca import CertificateAuthority


@dataclass(frozen=True)
class Held:
    """What a host has on its disk."""

    key: bytes
    certificate: bytes

    def recovery(self, new_key: bytes) -> dict[str, bytes]:
        """The fields of a RecoverRequest."""
        csr = make_csr(new_key)
        return {"certificate_pem": self.certificate, "csr": csr, "signature": sign_recovery(self.key, csr)}


def issue_to(
    ca: CertificateAuthority, node_id: str, at: datetime | None = None, life: timedelta = timedelta(hours=24)
) -> Held:
    key = make_key()
    return Held(key, ca.issue_node(node_id, make_csr(key), life, at or datetime.now(UTC)).pem)


class AbortedError(Exception):
    def __init__(self, code: grpc.StatusCode, details: str) -> None:
        super().__init__(f"{code.name} {details}")
        self.code = code
        self.details = details


class FakeContext:
    """The part of a gRPC context that servicers use."""

    def __init__(self, certificate: bytes = b"") -> None:
        self._certificate = certificate

    def auth_context(self) -> dict[str, list[bytes]]:
        return {"x509_pem_cert": [self._certificate]} if self._certificate else {}

    def peer(self) -> str:
        return "ipv4:192.0.2.1:1"

    async def abort(self, code: grpc.StatusCode, details: str) -> Any:
        raise AbortedError(code, details)

"""Who this node is: key, certificate, CA and where home is, as one directory that is switched at once.

identity/
  current -> 3        a symbolic link, replaced by rename: readers see the old identity or the new one, never a mix
  3/                  key.pem certificate.pem ca.pem identity.json
  2/                  the one before, kept
  joining-*.pem       a key whose certificate a join token was sent for; used again when the reply was lost
"""

import hashlib
import json
import os
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypedDict

from agent.boot import boot_id, uptime_seconds
from agent.state.files import sync_directory, write_durably
from homeport.core.errors import ErrorCode, HomeportError


@dataclass(frozen=True, slots=True)
class Identity:
    """Certificates and key are PEM. `session_target` is host:port.

    `received_boot` and `received_uptime` say when the certificate came, without trusting any wall clock: its age is
    known while the host has not been booted again.
    """

    node_id: str
    cluster_id: str
    nodepool_id: str
    session_target: str
    key: bytes
    certificate: bytes
    ca: bytes
    certificate_ttl_seconds: int
    received_boot: str
    received_uptime: float

    def age_seconds(self, boot: str, uptime: float) -> float | None:
        """Of the certificate; None when the host was booted since it came."""
        return uptime - self.received_uptime if boot == self.received_boot else None


class IdentityStore:
    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._current = directory / "current"

    def load(self) -> Identity | None:
        """None when this host has not joined. Raises HomeportError when the files are damaged."""
        if not self._current.is_symlink():
            return None
        try:
            facts = json.loads((self._current / "identity.json").read_text())
            return Identity(
                key=(self._current / "key.pem").read_bytes(),
                certificate=(self._current / "certificate.pem").read_bytes(),
                ca=(self._current / "ca.pem").read_bytes(),
                **facts,
            )
        except (OSError, ValueError, TypeError) as error:
            raise HomeportError(
                ErrorCode.INTERNAL,
                f"the identity in {self._directory} cannot be read: {error}",
                hint="move that directory aside and join again with a new token",
            ) from None

    def save(self, identity: Identity) -> None:
        """On the disk when this returns; until then the identity before it stays in use."""
        self._directory.mkdir(mode=0o700, exist_ok=True)
        versions = self._versions()
        number = max(versions, default=0) + 1
        folder = self._directory / str(number)
        folder.mkdir(mode=0o700)
        facts = asdict(identity)
        write_durably(folder / "key.pem", facts.pop("key"))
        write_durably(folder / "certificate.pem", facts.pop("certificate"))
        write_durably(folder / "ca.pem", facts.pop("ca"))
        write_durably(folder / "identity.json", json.dumps(facts).encode())
        sync_directory(self._directory)
        link = self._directory / "current.tmp"
        link.unlink(missing_ok=True)
        link.symlink_to(str(number))
        link.replace(self._current)
        sync_directory(self._directory)
        for older in sorted(versions)[:-1]:
            shutil.rmtree(self._directory / str(older), ignore_errors=True)

    def joining_key(self, token_id: str) -> bytes | None:
        """The key of a join with this token that has not been answered yet."""
        path = self._joining_key(token_id)
        return path.read_bytes() if path.exists() else None

    def save_joining_key(self, token_id: str, key: bytes) -> None:
        self._directory.mkdir(mode=0o700, exist_ok=True)
        write_durably(self._joining_key(token_id), key)

    def drop_joining_key(self, token_id: str) -> None:
        self._joining_key(token_id).unlink(missing_ok=True)

    def _joining_key(self, token_id: str) -> Path:
        return self._directory / f"joining-{hashlib.sha256(token_id.encode()).hexdigest()[:16]}.pem"

    def _versions(self) -> list[int]:
        return [int(name) for name in os.listdir(self._directory) if name.isdigit()]


class Received(TypedDict):
    """The two fields of an Identity that say when its certificate came."""

    received_boot: str
    received_uptime: float


def received_now() -> Received:
    return {"received_boot": boot_id(), "received_uptime": uptime_seconds()}

"""Who this node is: key, certificate, CA and where home is, as one directory that is switched at once.

identity/
  current -> 3        a symbolic link, replaced by rename: readers see the old identity or the new one, never a mix
  3/                  key.pem certificate.pem ca.pem identity.json checksum
  3.copy/             the same again: one damaged file must not cost a node its name
  2/ 2.copy/          the one before, kept
  joining-*.pem       a key whose certificate a join token was sent for; used again when the reply was lost
"""

import contextlib
import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypedDict

import structlog

from agent.boot import boot_id, uptime_seconds
from agent.failpoint import failpoint
from agent.state.files import sync_directory, write_durably
from agent.state.quarantine import quarantine
from homeport.core.errors import ErrorCode, HomeportError

log = structlog.get_logger()

_FILES = ("key.pem", "certificate.pem", "ca.pem", "identity.json")


@dataclass(frozen=True, slots=True)
class Identity:
    """Certificates and key are PEM. The targets are host:port; `enroll_target` is empty in identities of agents before
    0.2.

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
    enroll_target: str = ""

    def age_seconds(self, boot: str, uptime: float) -> float | None:
        """Of the certificate; None when the host was booted since it came."""
        return uptime - self.received_uptime if boot == self.received_boot else None


class IdentityStore:
    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._current = directory / "current"

    def load(self) -> Identity | None:
        """None when this host has not joined. Raises HomeportError when no copy can be read.

        When one of the two copies is damaged or missing, both are written anew; what is damaged is kept aside.
        """
        problems: dict[Path, str] = {}
        for folder in self._newest_first():
            try:
                identity = _read(folder)
            except (OSError, ValueError, TypeError) as error:
                problems[folder] = f"{folder.name}: {error}"
                continue
            twin = folder.with_name(_twin(folder.name))
            if not problems and not _is_sound(twin):
                problems[twin] = ""
            if problems:
                self._mend(identity, [path for path in problems if path.is_dir()])
            return identity
        if not problems:
            return None
        raise HomeportError(
            ErrorCode.INTERNAL,
            f"the identity in {self._directory} cannot be read, nor any copy of it ({next(iter(problems.values()))})",
            hint="move that directory aside and join again with a new token; what runs keeps running",
        )

    def save(self, identity: Identity) -> None:
        """On the disk when this returns; until then the identity before it stays in use."""
        self._directory.mkdir(mode=0o700, exist_ok=True)
        versions = self._versions()
        number = max(versions, default=0) + 1
        for name in (f"{number}.copy", str(number)):
            self._write(self._directory / name, identity)
        sync_directory(self._directory)
        failpoint("identity-written")
        link = self._directory / "current.tmp"
        link.unlink(missing_ok=True)
        link.symlink_to(str(number))
        failpoint("identity-linked")
        link.replace(self._current)
        failpoint("identity-switched")
        sync_directory(self._directory)
        for older in versions[:-1]:
            for name in (str(older), f"{older}.copy"):
                shutil.rmtree(self._directory / name, ignore_errors=True)

    def keys(self) -> list[bytes]:
        """PEM: that in use first, then the one before, as far as they can be read."""
        found = []
        for folder in self._newest_first():
            with contextlib.suppress(OSError, ValueError, TypeError):
                found.append(_read(folder).key)
        return list(dict.fromkeys(found))

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

    def _newest_first(self) -> Iterator[Path]:
        """Where an identity may be read. What was being written when the link was not switched yet comes last."""
        if not self._directory.is_dir():
            return
        numbers = [str(number) for number in reversed(self._versions())]
        if self._current.is_symlink() and os.readlink(self._current) in numbers:
            current = os.readlink(self._current)
            numbers.remove(current)
            numbers.insert(0, current)
        for number in numbers:
            for name in (number, f"{number}.copy"):
                if (self._directory / name).is_dir():
                    yield self._directory / name

    def _mend(self, identity: Identity, damaged: list[Path]) -> None:
        try:
            kept = [quarantine(folder).name for folder in damaged]
            self.save(identity)
            log.error("identity written anew from a sound copy", put_aside=kept)
        except OSError as error:
            log.error("identity used from a sound copy, but not written anew", error=str(error))

    def _write(self, folder: Path, identity: Identity) -> None:
        folder.mkdir(mode=0o700)
        facts = asdict(identity)
        contents = [facts.pop("key"), facts.pop("certificate"), facts.pop("ca"), json.dumps(facts).encode()]
        for name, content in zip(_FILES, contents, strict=True):
            write_durably(folder / name, content)
            failpoint(f"identity-{'copy-' if folder.suffix else ''}{name}")
        write_durably(folder / "checksum", _checksum(contents))

    def _versions(self) -> list[int]:
        """Oldest first; one that has only its copy left counts."""
        names = {name.removesuffix(".copy") for name in os.listdir(self._directory)}
        return sorted(int(name) for name in names if name.isdigit())


def _read(folder: Path) -> Identity:
    """Raises OSError, ValueError or TypeError when anything is missing or damaged."""
    key, certificate, ca, facts = contents = [(folder / name).read_bytes() for name in _FILES]
    checksum = folder / "checksum"
    # Agents before 0.2 wrote none.
    if checksum.exists() and checksum.read_bytes() != _checksum(contents):
        raise ValueError("a file does not have its checksum")
    return Identity(key=key, certificate=certificate, ca=ca, **json.loads(facts))


def _is_sound(folder: Path) -> bool:
    try:
        _read(folder)
    except (OSError, ValueError, TypeError):
        return False
    return True


def _twin(name: str) -> str:
    return name.removesuffix(".copy") if name.endswith(".copy") else f"{name}.copy"


def _checksum(contents: list[bytes]) -> bytes:
    whole = hashlib.sha256()
    for content in contents:
        whole.update(hashlib.sha256(content).digest())
    return whole.hexdigest().encode()


class Received(TypedDict):
    """The two fields of an Identity that say when its certificate came."""

    received_boot: str
    received_uptime: float


def received_now() -> Received:
    return {"received_boot": boot_id(), "received_uptime": uptime_seconds()}

"""What one `homeport dev` was told, and where it keeps things."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Ports:
    """All on loopback. The option of field `x` is `--x-port`."""

    api: int
    gateway: int
    enroll: int
    session: int
    tunnel: int

    def named(self) -> list[tuple[str, int]]:
        return [(field.name, getattr(self, field.name)) for field in fields(self)]


@dataclass(frozen=True, slots=True)
class DevSettings:
    data_dir: Path
    ports: Ports
    once: bool = False
    keep: bool = False
    message: str = ""

    @classmethod
    def of(cls, data_dir: Path | None, ports: Ports, *, once: bool, keep: bool, message: str) -> "DevSettings":
        chosen = data_dir.expanduser().absolute() if data_dir else default_data_dir()
        return cls(chosen, ports, once=once, keep=keep, message=message)

    @property
    def server_dir(self) -> Path:
        return self.data_dir / "server"

    @property
    def agent_dir(self) -> Path:
        return self.data_dir / "agent"

    @property
    def logs_dir(self) -> Path:
        return self.data_dir / "logs"


def default_data_dir(environ: Mapping[str, str] = os.environ) -> Path:
    home = environ.get("XDG_DATA_HOME") or str(Path(environ.get("HOME") or "~").expanduser() / ".local" / "share")
    return Path(home) / "homeport" / "dev"

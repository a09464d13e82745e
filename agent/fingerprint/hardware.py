"""What tells this host from another one. Numbers that should stay on the host leave it as digests."""

import hashlib
from pathlib import Path

from homeport.core.hardware import Hardware

_ROOT = Path("/")
_MACHINE_IDS = ("etc/machine-id", "var/lib/dbus/machine-id")
_PRODUCT_UUID = "sys/class/dmi/id/product_uuid"
# Given by the maker, not by a person or at random.
_PERMANENT = "0"


def probe_hardware(root: Path = _ROOT) -> Hardware:
    """What cannot be read is not known. GPUs are told by the inventory."""
    machine_id = next(filter(None, (_read(root / name) for name in _MACHINE_IDS)), "")
    return Hardware(_digest(machine_id), _digest(_read(root / _PRODUCT_UUID)), _addresses(root / "sys/class/net"))


def _addresses(interfaces: Path) -> tuple[str, ...]:
    """Of cards alone: bridges, tunnels and the ends of containers have no device."""
    try:
        cards = [path for path in interfaces.iterdir() if (path / "device").exists()]
    except OSError:
        return ()
    permanent = (_read(path / "address") for path in cards if _read(path / "addr_assign_type") == _PERMANENT)
    return tuple(sorted(filter(None, permanent)))


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except (OSError, UnicodeDecodeError):
        return ""


def _digest(text: str) -> str:
    return hashlib.sha256(f"homeport {text}".encode()).hexdigest()[:32] if text else ""

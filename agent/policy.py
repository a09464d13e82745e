"""What the administrator of this host lets the control plane do with it: /etc/homeport/agent.toml."""

import posixpath
import tomllib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from homeport.core.errors import ErrorCode, HomeportError
from homeport.core.labels import label_problem
from homeport.core.resources import MOST_SHARING, Gpu

POLICY_FILE = Path("/etc/homeport/agent.toml")
DRIVERS = ("docker", "process", "simulated")


@dataclass(frozen=True, slots=True)
class HostPolicy:
    """`process` is not among the default drivers: it runs commands as the agent's own user, confined by nothing.

    Prefixes end where a name ends: /srv/models allows /srv/models/llama, and not /srv/models-of-others. `devices` are
    GPU UUIDs, or "all". An empty `engine_socket` stands for the usual places.
    """

    drivers: tuple[str, ...] = ("docker",)
    image_prefixes: tuple[str, ...] = ()
    mount_prefixes: tuple[str, ...] = ()
    devices: tuple[str, ...] = ("all",)
    engine_socket: str = ""
    # Whether models may be given secrets here.
    secrets: bool = True
    # What deployments may ask for by `affinity`.
    labels: dict[str, str] = field(default_factory=dict)
    # Megabits per second; 0 = as the network card says.
    network_mbps: int = 0
    # How many may share one; 0 = as many as their shares allow.
    replicas_per_gpu: int = 0
    # Clients of the site may come to this host; empty = it listens to nobody. See agent/local_gateway/options.py.
    local_gateway: dict[str, str] = field(default_factory=dict)
    # Where the agent's metrics are read; empty = over its socket alone.
    metrics: str = ""

    def allows_image(self, image: str) -> bool:
        """With no prefix given any image is allowed."""
        return not self.image_prefixes or any(_is_under(image, prefix, "/:@") for prefix in self.image_prefixes)

    def allows_mount(self, source: str) -> bool:
        """`source` is absolute, its symbolic links followed. With no prefix given nothing of the host is mounted."""
        return any(_is_under(source, prefix, "/") for prefix in self.mount_prefixes)

    def allows_device(self, uuid: str) -> bool:
        return "all" in self.devices or uuid in self.devices

    def offered(self, gpus: Iterable[Gpu]) -> tuple[Gpu, ...]:
        """Those that models may use. A slice may be used where its GPU may."""
        allowed = (gpu for gpu in gpus if self.allows_device(gpu.uuid) or self.allows_device(gpu.parent_uuid))
        return tuple(replace(gpu, most_sharing=self.replicas_per_gpu) for gpu in allowed)


def load_policy(path: Path) -> HostPolicy:
    """The defaults when there is no such file. Raises HomeportError that names the file and the fix."""
    try:
        content = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return HostPolicy()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise _error(path, f"the policy file cannot be read: {reason}", "mend its owner, mode or encoding") from None
    try:
        table = tomllib.loads(content)
    except tomllib.TOMLDecodeError as error:
        raise _error(path, f"not TOML: {error}", 'lines look like: drivers = ["docker"]') from None
    return _policy(path, table)


def _policy(path: Path, table: dict[str, Any]) -> HostPolicy:
    known = [field.name for field in fields(HostPolicy)]
    for name in table:
        if name not in known:
            raise _error(f"{path}: {name}", "unknown setting", f"known: {', '.join(known)}")
    checked: dict[str, Any] = {}
    for name, value in table.items():
        check: _Check = _CHECKS.get(name, _texts)
        checked[name] = check(path, name, value)
    policy = HostPolicy(**checked)
    for name, accepts, fix in _RULES:
        value = getattr(policy, name)
        for text in value if isinstance(value, tuple) else (value,):
            if not accepts(text):
                raise _error(f"{path}: {name}", f"{text!r} is not allowed here", fix)
    return policy


def _text(path: Path, name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise _error(f"{path}: {name}", f"must be text, not {value!r}", f'write {name} = "..."')
    return value


def _texts(path: Path, name: str, value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise _error(f"{path}: {name}", f"must be a list of texts, not {value!r}", f'write {name} = ["..."]')
    return tuple(dict.fromkeys(value))


def _flag(path: Path, name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise _error(f"{path}: {name}", f"must be true or false, not {value!r}", f"write {name} = true")
    return value


def _number(path: Path, name: str, value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise _error(f"{path}: {name}", f"must be a whole number, not {value!r}", f"write {name} = 4")
    return value


def _labels(path: Path, name: str, value: Any) -> dict[str, str]:
    is_table = isinstance(value, dict) and all(isinstance(item, str) for item in value.values())
    problem = label_problem(value) if is_table else f"must be a table of texts, not {value!r}"
    if problem:
        raise _error(f"{path}: {name}", problem, f'write {name} = {{ disk = "nvme" }}')
    labels: dict[str, str] = value
    return labels


def _table(path: Path, name: str, value: Any) -> dict[str, str]:
    if not isinstance(value, dict) or not all(isinstance(item, str) for item in value.values()):
        raise _error(
            f"{path}: {name}", f"must be a table of texts, not {value!r}", f'write [{name}], and clients = "..."'
        )
    table: dict[str, str] = value
    return table


_Check = Callable[[Path, str, Any], Any]
# Of the settings that are no lists of texts.
_CHECKS: dict[str, _Check] = {
    "engine_socket": _text,
    "secrets": _flag,
    "labels": _labels,
    "network_mbps": _number,
    "replicas_per_gpu": _number,
    "local_gateway": _table,
    "metrics": _text,
}


def _is_plain_path(text: str) -> bool:
    return text.startswith("/") and posixpath.normpath(text) == (text.rstrip("/") or "/")


_RULES: tuple[tuple[str, Callable[[Any], bool], str], ...] = (
    ("drivers", lambda text: text in DRIVERS, f"one of: {', '.join(DRIVERS)}"),
    ("image_prefixes", bool, "an image name's beginning, such as registry.internal/models; leave the list out for any"),
    ("mount_prefixes", _is_plain_path, "an absolute folder without '..', such as /srv/models"),
    ("devices", lambda text: text == "all" or text.startswith(("GPU-", "MIG-")), '"all", or UUIDs of nvidia-smi -L'),
    ("network_mbps", lambda number: number < 2**32, "megabits per second, such as 10000"),
    ("replicas_per_gpu", lambda number: number <= MOST_SHARING, f"at most {MOST_SHARING}; 0 = no limit"),
    ("engine_socket", lambda text: not text or _is_plain_path(text), "an absolute path, such as /run/docker.sock"),
)


def _is_under(name: str, prefix: str, separators: str) -> bool:
    if not name.startswith(prefix):
        return False
    return prefix[-1] in separators or len(name) == len(prefix) or name[len(prefix)] in separators


def _error(where: object, message: str, fix: str) -> HomeportError:
    return HomeportError(ErrorCode.INVALID_ARGUMENT, message, path=str(where), hint=fix)

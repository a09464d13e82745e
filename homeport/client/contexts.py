"""Which Homeport to talk to: contexts in `~/.config/homeport/config.yaml`, and the environment."""

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from homeport.core.errors import ErrorCode, HomeportError
from homeport.core.names import did_you_mean

DEFAULT_API = "http://127.0.0.1:8080"
DEFAULT_GATEWAY = "http://127.0.0.1:8000"


@dataclass(frozen=True, slots=True)
class Context:
    """Addresses (no path, no trailing slash) and the access token of one Homeport. `ca_file`: the CA to trust instead
    of the system's."""

    name: str
    api: str = DEFAULT_API
    gateway: str = DEFAULT_GATEWAY
    token: str = field(default="", repr=False)
    ca_file: str = ""


def config_path(environ: Mapping[str, str] = os.environ) -> Path:
    base = environ.get("XDG_CONFIG_HOME") or str(Path(environ.get("HOME") or "~").expanduser() / ".config")
    return Path(base) / "homeport" / "config.yaml"


class ContextFile:
    """The file's contents. It holds tokens, so only its owner may read it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.contexts: dict[str, Context] = {}
        self.current: str = ""

    @classmethod
    def load(cls, path: Path | None = None) -> "ContextFile":
        """A missing file is an empty one. Raises INVALID_ARGUMENT for a broken one."""
        import yaml

        found = cls(path or config_path())
        try:
            plain = yaml.load(found.path.read_text(), Loader=yaml.CSafeLoader) or {}
            found.current = plain.get("current_context") or ""
            found.contexts = {name: Context(name, **values) for name, values in (plain.get("contexts") or {}).items()}
        except FileNotFoundError:
            pass
        except (yaml.YAMLError, AttributeError, TypeError) as error:
            first_line = str(error).splitlines()[0]
            raise HomeportError(
                ErrorCode.INVALID_ARGUMENT, f"{found.path} is broken: {first_line}", hint="mend it or delete it"
            ) from None
        except OSError as error:
            raise HomeportError(ErrorCode.INVALID_ARGUMENT, f"cannot read {found.path}: {error.strerror}") from None
        return found

    def get(self, name: str) -> Context:
        if name not in self.contexts:
            known = ", ".join(self.contexts) or "none yet: `homeport dev` makes one"
            hint = did_you_mean(name, self.contexts, f"known contexts: {known}")
            raise HomeportError(ErrorCode.NOT_FOUND, f"no context {name!r} in {self.path}", hint=hint)
        return self.contexts[name]

    def put(self, context: Context, *, make_current: bool = False) -> None:
        self.contexts[context.name] = context
        if make_current:
            self.current = context.name

    def remove(self, name: str) -> None:
        del self.contexts[name]
        if self.current == name:
            self.current = ""

    def save(self) -> None:
        """Replaces the file in one step: a reader sees the old or the new one, never half of it."""
        import yaml

        plain: dict[str, Any] = {"current_context": self.current, "contexts": {}}
        for name, context in self.contexts.items():
            values = asdict(context)
            del values["name"]
            if not context.ca_file:
                del values["ca_file"]
            plain["contexts"][name] = values
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        scratch = self.path.with_name(f"{self.path.name}.{os.getpid()}")
        with os.fdopen(os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            yaml.safe_dump(plain, file, sort_keys=False)
        scratch.replace(self.path)


def resolve_context(
    name: str | None = None, *, path: Path | None = None, environ: Mapping[str, str] = os.environ
) -> Context:
    """A context named by the caller is taken as it is. Otherwise the environment wins over the current context."""
    if name:
        return ContextFile.load(path or config_path(environ)).get(name)
    file = ContextFile.load(path or config_path(environ))
    chosen = environ.get("HOMEPORT_CONTEXT") or file.current
    context = file.get(chosen) if chosen else Context("from the environment")
    given = {
        "api": environ.get("HOMEPORT_API"),
        "gateway": environ.get("HOMEPORT_GATEWAY"),
        "token": environ.get("HOMEPORT_TOKEN"),
        "ca_file": environ.get("HOMEPORT_CA_FILE"),
    }
    context = replace(context, **{key: value.rstrip("/") for key, value in given.items() if value})
    if not context.token:
        why = f"nobody is signed in to context {chosen}" if chosen else "there is no current context"
        raise HomeportError(
            ErrorCode.UNAUTHENTICATED,
            f"no access token: {why}",
            hint="sign in with `homeport login`, start `homeport dev`, choose one with `homeport context use NAME`, "
            "or set HOMEPORT_API, HOMEPORT_GATEWAY and HOMEPORT_TOKEN",
        )
    return context

"""Secrets, and how a workload is given them."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, model_validator

from homeport.schema.base import (
    HIDDEN,
    ApiModel,
    Id,
    ProcessText,
    check_env_name,
    immutable,
    inherited,
    live,
    write_only,
)
from homeport.schema.container import check_absolute

_KEY = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}")
_KEY_RULE = "up to 100 letters, digits, '.', '_' and '-', not beginning with '.' or '-'"
# A node gets all that it needs in one message of its session.
_MOST_BYTES = 256 * 1024


def _check_key(text: str) -> str:
    if text and not _KEY.fullmatch(text):
        raise ValueError(f"{text!r} is no key of a secret: {_KEY_RULE}")
    return text


def _check_data(data: dict[str, str]) -> dict[str, str]:
    for key in data:
        if not key or not _KEY.fullmatch(key):
            raise ValueError(f"a key is wrong: {_KEY_RULE}")
    if sum(len(value.encode()) for value in data.values()) > _MOST_BYTES:
        raise ValueError(f"the values have more than {_MOST_BYTES // 1024} KiB together")
    return data


def _check_variable(name: str) -> str:
    return name and check_env_name(name)


def _check_folder(path: str) -> str:
    return path and check_absolute(path)


SecretKey = Annotated[str, AfterValidator(_check_key)]


class SecretSpec(ApiModel):
    """Values that models need and that nobody is shown: tokens, passwords, certificates."""

    id: Id = immutable(reason="model versions and deployments name it by its id")
    project: str = immutable(
        default="", max_length=63, reason="its values would reach others: make a new secret in the other project"
    )
    """Only what belongs to this project may use it; empty = whatever its author may see it."""
    description: str = live(default="", max_length=1000)
    data: Annotated[dict[str, ProcessText], AfterValidator(_check_data)] = write_only(min_length=1, max_length=100)
    """Values by their keys. Shown are the keys alone; the value `(hidden)` keeps what is there."""

    @property
    def keeps(self) -> list[str]:
        """Keys whose values stay as they are."""
        return [key for key, value in self.data.items() if value == HIDDEN]


class SecretUse(ApiModel):
    """What a replica is given of a secret: a variable of its environment, or files in memory."""

    id: Id = inherited()
    """The secret's."""
    type: Literal["env", "file"] = inherited(default="env")
    key: SecretKey = inherited(default="", max_length=100)
    """Which of its values; empty = the only one it has, or all of them as files."""
    env_var: Annotated[str, AfterValidator(_check_variable)] = inherited(default="", max_length=200)
    """The variable that gets the value; of files: the one that gets their folder's path, or with `key` the file's."""
    mount_path: Annotated[ProcessText, AfterValidator(_check_folder)] = inherited(default="", max_length=4096)
    """The folder inside a container in which each key is a file; empty = /run/secrets/ID."""

    @model_validator(mode="after")
    def _says_where_it_goes(self) -> "SecretUse":
        if self.type == "env" and not self.env_var:
            raise ValueError("`env_var` is missing: the variable that gets the value")
        if self.type == "env" and self.mount_path:
            raise ValueError("`mount_path` goes with `type: file`")
        return self

    @property
    def target(self) -> str:
        """Where its files are in a container."""
        return (self.mount_path or f"/run/secrets/{self.id}").rstrip("/")

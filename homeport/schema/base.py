"""The base of all API objects, and what a change of a field means."""

import re
from enum import StrEnum
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic.fields import FieldInfo

from homeport.core.names import ID_PATTERN, ID_RULE, is_valid_id

# Shown in place of a value that is write-only.
HIDDEN = "(hidden)"
_ENV_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class Change(StrEnum):
    """What an edit of the field does: applies at once, makes a new revision, or is refused."""

    LIVE = "live"
    ROLLOUT = "rollout"
    IMMUTABLE = "immutable"


class ApiModel(BaseModel):
    """Unknown keys are errors: a typing mistake must not pass as a default. So are values of another type ("5" for 5,
    1 for true); only a whole number for a number with decimals is accepted, since YAML and JSON write 30 for 30.0."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False, use_attribute_docstrings=True)


def live(*args: Any, recorded: bool = False, **kwargs: Any) -> Any:
    """`recorded`: kept and shown, but nothing acts on it yet. Whoever sets it is told so."""
    return _tagged(Change.LIVE, *args, recorded=recorded, **kwargs)


def rollout(*args: Any, recorded: bool = False, **kwargs: Any) -> Any:
    return _tagged(Change.ROLLOUT, *args, recorded=recorded, **kwargs)


def immutable(*args: Any, reason: str = "", recorded: bool = False, **kwargs: Any) -> Any:
    """`reason` tells the person whose change is refused why."""
    return _tagged(Change.IMMUTABLE, *args, recorded=recorded, reason=reason, **kwargs)


def inherited(*args: Any, recorded: bool = False, **kwargs: Any) -> Any:
    """A field of a type that several objects share: its change means what a change of the holding field means."""
    return _tagged(None, *args, recorded=recorded, **kwargs)


def write_only(*args: Any, **kwargs: Any) -> Any:
    """What is never shown again: no answer, error or list of changes has it. A change of it replaces replicas."""
    return _tagged(Change.ROLLOUT, *args, recorded=False, secret=True, repr=False, **kwargs)


def is_write_only(field: FieldInfo) -> bool:
    return isinstance(field.json_schema_extra, dict) and bool(field.json_schema_extra.get("writeOnly"))


def _tagged(
    change: Change | None, *args: Any, recorded: bool, reason: str = "", secret: bool = False, **kwargs: Any
) -> Any:
    extra: dict[str, Any] = {"x-change": change.value} if change else {}
    if secret:
        extra["writeOnly"] = True
    if recorded:
        extra["x-effect"] = "recorded"
    if reason:
        extra["x-reason"] = reason
    return Field(*args, json_schema_extra=extra, **kwargs)


def _check_id(text: str) -> str:
    if not is_valid_id(text):
        raise ValueError(f"must be {ID_RULE}")
    return text


Id = Annotated[str, AfterValidator(_check_id), Field(json_schema_extra={"pattern": ID_PATTERN, "maxLength": 63})]


def _check_text(text: str) -> str:
    if "\0" in text:
        raise ValueError("must not contain a NUL character")
    return text


def check_env_name(name: str) -> str:
    if not _ENV_NAME.fullmatch(name):
        raise ValueError(f"{name!r} is not a variable name: letters, digits and '_', not beginning with a digit")
    return name


def _check_env(env: dict[str, str]) -> dict[str, str]:
    for name in env:
        check_env_name(name)
    return env


# What becomes an argument, path or variable of a process.
ProcessText = Annotated[str, AfterValidator(_check_text)]
Env = Annotated[dict[str, ProcessText], AfterValidator(_check_env)]

"""What differs between two specs of one kind, and what a change of each field means."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pydantic.fields import FieldInfo

from homeport.schema.base import HIDDEN, ApiModel, Change, is_write_only
from homeport.schema.problems import model_in


@dataclass(frozen=True, slots=True)
class FieldChange:
    """`path` begins with the field. Lists and free mappings change as a whole. `reason`: why it may not change."""

    path: str
    change: Change
    before: Any
    after: Any
    reason: str = ""

    def as_plain(self) -> dict[str, Any]:
        """The form is homeport.schema.edited.ChangedField."""
        return {"path": self.path, "change": self.change.value, "from": self.before, "to": self.after}


def changes_between(kind: type[ApiModel], before: dict[str, Any], after: dict[str, Any]) -> list[FieldChange]:
    """Both as plain JSON values. A field that is missing has its default."""
    return list(_changes(kind, before, after, "", (Change.IMMUTABLE, "")))


def recorded_fields(spec: ApiModel) -> list[str]:
    """Paths of the fields that say something and that nothing acts on yet."""
    return list(_recorded(spec, ""))


def _changes(
    kind: type[ApiModel], before: dict[str, Any], after: dict[str, Any], root: str, holder: tuple[Change, str]
) -> Iterator[FieldChange]:
    """`holder`: what a change of the field means that holds these, and why."""
    for name, field in kind.model_fields.items():
        old, new = _value(field, name, before), _value(field, name, after)
        inner = model_in(field.annotation)
        if old == new or (inner is not None and _are_alike(inner, old, new)):
            continue
        path, tags = f"{root}{name}", _tags(field)
        change, reason = (Change(tags["x-change"]), tags.get("x-reason", "")) if "x-change" in tags else holder
        if is_write_only(field):
            yield FieldChange(path, change, _names_of(old, new), _names_of(new, old), reason)
        elif inner is not None and isinstance(old, dict) and isinstance(new, dict):
            yield from _changes(inner, old, new, f"{path}.", (change, reason))
        else:
            yield FieldChange(path, change, old, new, reason)


def _names_of(values: Any, others: Any) -> Any:
    """Of a mapping that is write-only: what differs from the other one, without the values."""
    if not isinstance(values, dict):
        return HIDDEN
    other = others if isinstance(others, dict) else {}
    return {name: HIDDEN for name, value in values.items() if name not in other or other[name] != value}


def _are_alike(kind: type[ApiModel], old: Any, new: Any) -> bool:
    """Lists whose items differ by no more than fields that were not there when the older one was written."""
    if not isinstance(old, list) or not isinstance(new, list) or len(old) != len(new):
        return False
    return all(
        isinstance(before, dict) and isinstance(after, dict) and not changes_between(kind, before, after)
        for before, after in zip(old, new, strict=True)
    )


def _tags(field: FieldInfo) -> dict[str, Any]:
    return field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}


def _value(field: FieldInfo, name: str, plain: dict[str, Any]) -> Any:
    value = plain[name] if name in plain else _default(field)
    return value.model_dump(mode="json") if isinstance(value, ApiModel) else value


def _default(field: FieldInfo) -> Any:
    return None if field.is_required() else field.get_default(call_default_factory=True)


def _recorded(spec: ApiModel, root: str) -> Iterator[str]:
    for name, field in type(spec).model_fields.items():
        value = getattr(spec, name)
        if value == _default(field):
            continue
        if _tags(field).get("x-effect") == "recorded":
            yield f"{root}{name}"
        elif isinstance(value, ApiModel):
            yield from _recorded(value, f"{root}{name}.")
        elif isinstance(value, list):
            for index, item in enumerate(value):
                if isinstance(item, ApiModel):
                    yield from _recorded(item, f"{root}{name}.{index}.")

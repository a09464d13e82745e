"""What pydantic finds wrong, in words: which field, which rule with its whole range, and what was given."""

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic.fields import FieldInfo

from homeport.core.names import did_you_mean
from homeport.schema.base import ApiModel, is_write_only

_TYPES = {
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "int_parsing": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "finite_number": "must be a finite number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "list_type": "must be a list",
    "dict_type": "must be a mapping of names to values",
    "model_type": "must be a mapping of field names to values",
    "missing": "is required",
}
_RANGES = ("greater_than", "greater_than_equal", "less_than", "less_than_equal")
_LENGTHS = ("string_too_short", "string_too_long", "too_short", "too_long")
_SHOWN = 80
# Stands for what was given where no message may repeat that.
_UNSAID = object()


def describe(problem: Mapping[str, Any], kind: type[ApiModel]) -> tuple[str, str]:
    """(message, hint) for one entry of `ValidationError.errors()`."""
    type_, loc = problem["type"], problem["loc"]
    if loc and loc[0] in kind.model_fields and is_write_only(kind.model_fields[loc[0]]):
        problem = {**problem, "input": _UNSAID}
    if type_ == "extra_forbidden":
        known = _fields_at(kind, loc[:-1])
        return "unknown field", did_you_mean(str(loc[-1]), known, f"known fields: {', '.join(known)}")
    if type_ == "missing":
        return _TYPES[type_], _example(kind, loc)
    if type_ == "string_type":
        value = problem.get("input")
        number = isinstance(value, int | float) and not isinstance(value, bool)
        return f"must be text{_got(value)}", f'put it in quotes: "{value}"' if number else ""
    if type_ in _TYPES:
        return _TYPES[type_] + _got(problem.get("input")), ""
    if type_ in _RANGES:
        return _range(_field_at(kind, loc), problem) + _got(problem.get("input")), ""
    if type_ in _LENGTHS:
        return _length(_field_at(kind, loc), problem), ""
    if type_ == "literal_error":
        allowed = problem["ctx"]["expected"].replace("'", "")
        hint = did_you_mean(str(problem.get("input")), allowed.replace(" or ", ", ").split(", "), "")
        return f"must be {allowed}{_got(problem.get('input'))}", hint
    message = problem["msg"].removeprefix("Value error, ")
    return message + (_got(problem.get("input")) if message.startswith("must") else ""), ""


def _got(value: Any) -> str:
    if value is _UNSAID:
        return ""
    if isinstance(value, bool):
        return f", got {str(value).lower()}"
    if value is None:
        return ", got null"
    if isinstance(value, dict | list):
        return f", got a {'mapping' if isinstance(value, dict) else 'list'}"
    shown = repr(value)
    return f", got {shown if len(shown) <= _SHOWN else shown[:_SHOWN] + '...'}"


def _range(field: FieldInfo | None, problem: Mapping[str, Any]) -> str:
    """Both bounds where the field has both."""
    lowest, highest = _bound(field, "ge"), _bound(field, "le")
    if lowest is not None and highest is not None:
        return f"must be between {lowest} and {highest}"
    limit = next(iter(problem["ctx"].values()))
    below = problem["type"].startswith("greater")
    return f"must be {limit} or {'more' if below else 'less'}"


def _length(field: FieldInfo | None, problem: Mapping[str, Any]) -> str:
    value = problem.get("input")
    unit = "characters" if problem["type"].startswith("string") else "items"
    lowest, highest = _bound(field, "min_length"), _bound(field, "max_length")
    got = f", got {len(value)}" if isinstance(value, str | list | dict) else ""
    if lowest is not None and highest is not None:
        return f"must have between {lowest} and {highest} {unit}{got}"
    limit = problem["ctx"].get("max_length", problem["ctx"].get("min_length"))
    return f"must have at {'most' if 'max_length' in problem['ctx'] else 'least'} {limit} {unit}{got}"


def _bound(field: FieldInfo | None, name: str) -> Any:
    values = (getattr(rule, name, None) for rule in field.metadata) if field else ()
    return next((value for value in values if value is not None), None)


def _example(kind: type[ApiModel], loc: tuple[Any, ...]) -> str:
    field = _field_at(kind, loc)
    return field.description or "" if field else ""


def _field_at(kind: type[ApiModel], loc: tuple[Any, ...]) -> FieldInfo | None:
    names = [part for part in loc if isinstance(part, str)]
    found: FieldInfo | None = None
    for fields, name in zip(_models_along(kind, loc), names, strict=False):
        found = fields.get(name)
    return found


def _fields_at(kind: type[ApiModel], loc: tuple[Any, ...]) -> list[str]:
    """Field names of the object at `loc`; empty where the path leaves the models."""
    names = [part for part in loc if isinstance(part, str)]
    models = list(_models_along(kind, loc))
    return list(models[len(names)]) if len(models) > len(names) else []


def _models_along(kind: type[ApiModel], loc: tuple[Any, ...]) -> Iterator[dict[str, FieldInfo]]:
    """The fields of each model on the way, beginning with `kind`'s own."""
    fields = kind.model_fields
    yield fields
    for part in loc:
        if isinstance(part, int):
            continue
        inner = model_in(fields[part].annotation) if part in fields else None
        if inner is None:
            return
        fields = inner.model_fields
        yield fields


def model_in(annotation: Any) -> type[ApiModel] | None:
    """The model that a field holds, be it optional or in a list."""
    candidates = [annotation, *getattr(annotation, "__args__", ())]
    return next((c for c in candidates if isinstance(c, type) and issubclass(c, ApiModel)), None)

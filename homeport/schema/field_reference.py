"""docs/fields.md, made from the schema: python -m homeport.schema.field_reference FILE [--check]."""

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from homeport.schema.documents import DOCUMENT_KINDS

_INTRO = """# Fields

Every field of every document. This page is made from the schema: `make docs`.

What a change of a field does:

- **live**: it applies at once.
- **rollout**: the deployment gets a new revision, and its replicas are replaced (it "needs restart").
- **immutable**: it is refused, with the reason.

Fields marked *recorded* are checked, kept and shown, and nothing acts on them yet; `homeport apply` names those that
you set. Words of other systems' files: [foreign-words.md](foreign-words.md).
"""


@dataclass(frozen=True, slots=True)
class _Row:
    """`change` is empty for a block whose fields say it themselves."""

    path: str
    type: str
    default: str
    change: str
    recorded: bool
    meaning: str

    def __str__(self) -> str:
        change = f"{self.change}, *recorded*" if self.recorded else self.change
        cells = (f"`{self.path}`", self.type, self.default, change, self.meaning)
        return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def main() -> None:
    path, text = Path(sys.argv[1]), field_reference()
    if "--check" not in sys.argv[2:]:
        path.write_text(text)
    elif path.read_text() != text:
        sys.exit(f"{path} is not what the schema says: run make docs")


def field_reference() -> str:
    return "\n".join([_INTRO, *(_section(root, kind.model_json_schema()) for root, kind in DOCUMENT_KINDS.items())])


def _section(root: str, schema: dict[str, Any]) -> str:
    rows = _rows(schema, schema.get("$defs", {}), "", "", False)
    head = ["| field | type | default | change | meaning |", "|---|---|---|---|---|"]
    return "\n".join([f"## {root}", "", schema.get("description", ""), "", *head, *map(str, rows), ""])


def _rows(
    schema: Mapping[str, Any], models: Mapping[str, Any], prefix: str, change: str, recorded: bool
) -> Iterator[_Row]:
    for name, given in schema.get("properties", {}).items():
        field = _without_null(given)
        inner, path = _model(field, models), f"{prefix}{name}"
        own_change = given.get("x-change", change)
        own_recorded = recorded or given.get("x-effect") == "recorded"
        leads_on = inner is not None and field.get("type") != "array" and not own_recorded
        yield _Row(
            path,
            _type(field, models),
            _default(name, given, schema),
            "" if leads_on else own_change,
            own_recorded,
            _meaning(given, inner),
        )
        if inner is not None:
            nested = f"{path}[]." if field.get("type") == "array" else f"{path}."
            yield from _rows(inner, models, nested, own_change, own_recorded)


def _without_null(field: dict[str, Any]) -> dict[str, Any]:
    arms = [arm for arm in field.get("anyOf", []) if arm.get("type") != "null"]
    return {**field, **arms[0]} if len(arms) == 1 else field


def _model(field: Mapping[str, Any], models: Mapping[str, Any]) -> dict[str, Any] | None:
    """The block that a field, or each item of it, is."""
    if field.get("type") == "array":
        return _model(field["items"], models)
    name = str(field.get("$ref", "")).rpartition("/")[2]
    found: dict[str, Any] | None = models.get(name)
    return found


def _type(field: Mapping[str, Any], models: Mapping[str, Any]) -> str:
    if "enum" in field:
        return "one of " + ", ".join(f"`{value}`" if value != "" else '`""`' for value in field["enum"])
    if "const" in field:
        return f"`{field['const']}`"
    match field.get("type"):
        case "array":
            return f"list of {_type(field['items'], models)}"
        case "object":
            return "mapping"
        case "boolean":
            return "true or false"
        case "string":
            return f"text, up to {field['maxLength']}" if "maxLength" in field else "text"
        case "integer":
            return f"whole number{_range(field)}"
        case "number":
            return f"number{_range(field)}"
    return "block" if "$ref" in field else "value"


def _range(field: Mapping[str, Any]) -> str:
    lowest, highest = field.get("minimum"), field.get("maximum")
    if lowest is None and highest is None:
        return ""
    if highest is None:
        return f", at least {lowest:g}"
    return f", {lowest:,g} to {highest:,g}" if isinstance(highest, float) else f", {lowest:,} to {highest:,}"


def _default(name: str, field: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    if name in schema.get("required", ()):
        return "required"
    default = field.get("default")
    if default is None:
        return "null" if "default" in field else ""
    if isinstance(default, bool):
        return str(default).lower()
    return f"{default:g}" if isinstance(default, float) else str(default)


def _meaning(field: Mapping[str, Any], inner: Mapping[str, Any] | None) -> str:
    said = " ".join((field.get("description") or (inner or {}).get("description", "")).split())
    reason = field.get("x-reason")
    return f"{said} Fixed: {reason}.".strip() if reason else said


if __name__ == "__main__":
    main()

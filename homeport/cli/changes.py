"""What an edit changes, field by field, for people."""

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from homeport.cli.paint import BAD, GOOD, QUIET, WARN, paint

if TYPE_CHECKING:
    from homeport.client.resource import FieldChange


def change_lines(changes: "Iterable[FieldChange]") -> list[str]:
    """`  ~ autoscale_config.max_replicas: 1 -> 3`; what makes a new revision says that it needs a restart."""
    lines = []
    for change in changes:
        sign = "+" if _is_unset(change.before) else "-" if _is_unset(change.after) else "~"
        restart = paint("  needs restart", WARN) if change.change == "rollout" else ""
        before, after = paint(text_of(change.before), BAD), paint(text_of(change.after), GOOD)
        lines.append(f"  {sign} {change.path}: {before} {paint('->', QUIET)} {after}{restart}")
    return lines


def text_of(value: Any) -> str:
    """As it would stand in JSON, without quotes where it is plain text."""
    if _is_unset(value):
        return "(none)"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _is_unset(value: Any) -> bool:
    return value is None or value in ("", [], {})

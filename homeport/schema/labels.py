"""Labels: what people tell objects apart by, beside their ids."""

import re
from typing import Annotated

from pydantic import AfterValidator, Field

_KEY = r"^[A-Za-z0-9]([A-Za-z0-9._/-]{0,250}[A-Za-z0-9])?$"
# Neither ',' nor '=': filters are written key=value,key=value.
_VALUE = r"^[^,=\x00-\x1f\x7f]{0,253}$"
_KEY_RULE = "up to 252 letters, digits and ._/- that begin and end with a letter or digit"
_VALUE_RULE = "up to 253 characters, none of them ',', '=' or a control character"
_MOST = 64


def _check(labels: dict[str, str]) -> dict[str, str]:
    for key, value in labels.items():
        if not re.fullmatch(_KEY[1:-1], key):
            raise ValueError(f"{key!r} is not a label key: {_KEY_RULE}")
        if not re.fullmatch(_VALUE[1:-1], value):
            raise ValueError(f"the value of {key!r} must have {_VALUE_RULE}")
    return labels


_SCHEMA = {"propertyNames": {"pattern": _KEY}, "additionalProperties": {"type": "string", "pattern": _VALUE}}
Labels = Annotated[dict[str, str], AfterValidator(_check), Field(max_length=_MOST, json_schema_extra=_SCHEMA)]

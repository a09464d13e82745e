"""Labels: what people tell objects apart by, beside their ids."""

import re
from collections.abc import Mapping

# As JSON schema has patterns; in Python they go to `fullmatch` without their anchors.
KEY = r"^[A-Za-z0-9]([A-Za-z0-9._/-]{0,250}[A-Za-z0-9])?$"
# Neither ',' nor '=': filters are written key=value,key=value.
VALUE = r"^[^,=\x00-\x1f\x7f]{0,253}$"
MOST_LABELS = 64
_KEY_RULE = "up to 252 letters, digits and ._/- that begin and end with a letter or digit"
_VALUE_RULE = "up to 253 characters, none of them ',', '=' or a control character"


def label_problem(labels: Mapping[str, str]) -> str:
    """Empty when they are as labels should be."""
    if len(labels) > MOST_LABELS:
        return f"{len(labels)} labels, and {MOST_LABELS} is the most"
    for key, value in labels.items():
        if not re.fullmatch(KEY[1:-1], key):
            return f"{key!r} is not a label key: {_KEY_RULE}"
        if not re.fullmatch(VALUE[1:-1], value):
            return f"the value of {key!r} must have {_VALUE_RULE}"
    return ""

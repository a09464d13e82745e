"""The `model` of a JSON object whose end is not here."""

import json
import re

# Possessive, and a quote on its own: where a long string is cut off all is over, whatever stands in it.
_TOKEN = re.compile(rb'"(?:[^"\\]++|\\.)*+"|["{}\[\],:]')
# More than stand before it in any sensible request, and a few milliseconds' work.
_MOST_TOKENS = 10_000


def model_in_beginning(data: bytes) -> tuple[str, int, int]:
    """(model, where its value begins and ends with its quotes); ("", 0, 0) where it isn't seen."""
    if not data.lstrip().startswith(b"{"):
        return "", 0, 0
    depth, is_key, is_model = 0, False, False
    for count, found in enumerate(_TOKEN.finditer(data)):
        token = found[0]
        if count > _MOST_TOKENS or token == b'"':
            break
        if token in b"{[":
            depth += 1
            is_key, is_model = depth == 1, False
        elif token in b"]}":
            depth -= 1
            is_model = False
        elif token == b",":
            is_key, is_model = depth == 1, False
        elif token == b":":
            continue
        elif is_model and depth == 1:
            return _text(token), found.start(), found.end()
        elif is_key:
            is_key, is_model = False, _text(token) == "model"
    return "", 0, 0


def _text(token: bytes) -> str:
    try:
        return str(json.loads(token))
    except ValueError:
        return ""

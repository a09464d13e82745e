"""Kubernetes quantities: `500m`, `1.5`, `16Gi`, `40G`. A bad one is an error, never 0."""

import math
import re
from decimal import Decimal
from functools import lru_cache

_SUFFIX = {
    "": Decimal(1),
    "m": Decimal("0.001"),
    "k": Decimal(10) ** 3,
    "K": Decimal(10) ** 3,
    "M": Decimal(10) ** 6,
    "G": Decimal(10) ** 9,
    "T": Decimal(10) ** 12,
    "Ki": Decimal(2) ** 10,
    "Mi": Decimal(2) ** 20,
    "Gi": Decimal(2) ** 30,
    "Ti": Decimal(2) ** 40,
}
_QUANTITY = re.compile(r"(\d{1,15}(?:\.\d{1,9})?)(m|k|K|Ki|M|Mi|G|Gi|T|Ti)?", re.ASCII)


def parse_cpu_milli(text: str) -> int:
    """Cores to thousandths: `500m` = 500, `2` = 2000. Rounds up. Raises ValueError."""
    return _ceil(_parse(text, "a CPU count such as 2, 0.5 or 500m") * 1000)


def parse_bytes(text: str) -> int:
    """Bytes: `16Gi`, `500M`, `1073741824`. Rounds up. Raises ValueError."""
    return _ceil(_parse(text, "a size such as 16Gi, 500M or 1073741824"))


def format_bytes(count: int) -> str:
    """The largest binary unit with at most one decimal: 1610612736 -> `1.5Gi`."""
    for suffix in ("Ti", "Gi", "Mi", "Ki"):
        unit = int(_SUFFIX[suffix])
        if count >= unit:
            return f"{count / unit:.1f}".removesuffix(".0") + suffix
    return str(count)


def format_cpu(milli: int) -> str:
    return str(milli // 1000) if milli % 1000 == 0 else f"{milli}m"


@lru_cache(1024)
def _parse(text: str, expected: str) -> Decimal:
    match = _QUANTITY.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is not {expected}")
    return Decimal(match[1]) * _SUFFIX[match[2] or ""]


def _ceil(value: Decimal) -> int:
    return math.ceil(value)

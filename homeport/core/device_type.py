"""Kinds of accelerators, as people name them."""

from fnmatch import fnmatchcase
from functools import lru_cache

_MIG = "-mig-"


@lru_cache(4096)
def is_of_type(name: str, pattern: str) -> bool:
    """`NVIDIA-*`, `NVIDIA-H100*` and `h100` against NVML's `NVIDIA H100 80GB HBM3`: a shell pattern of the whole name,
    or one of its words. A slice, such as `NVIDIA H100 80GB HBM3 MIG 3g.40gb`, is told by its profile and by nothing
    else: `mig-3g.40gb`, `mig-3g.*`, or `*h100*mig-3g.40gb`."""
    name, pattern = (text.lower().replace(" ", "-") for text in (name, pattern))
    _, _, profile = name.partition(_MIG)
    if not profile:
        return fnmatchcase(name, pattern) or pattern in name.split("-")
    if pattern.startswith("mig-"):
        return fnmatchcase(f"mig-{profile}", pattern)
    return _MIG[1:] in pattern and fnmatchcase(name, pattern)


@lru_cache(4096)
def is_of_any_type(name: str, patterns: tuple[str, ...]) -> bool:
    """Without a pattern any whole device: a slice is taken by who asks for it."""
    if not patterns:
        return _MIG not in name.lower().replace(" ", "-")
    return any(is_of_type(name, pattern) for pattern in patterns)

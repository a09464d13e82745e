"""Kinds of accelerators, as people name them."""

from fnmatch import fnmatchcase
from functools import lru_cache


@lru_cache(4096)
def is_of_type(name: str, pattern: str) -> bool:
    """`NVIDIA-*`, `NVIDIA-H100*` and `h100` against NVML's `NVIDIA H100 80GB HBM3`: a shell pattern of the whole name,
    or one of its words."""
    name, pattern = (text.lower().replace(" ", "-") for text in (name, pattern))
    return fnmatchcase(name, pattern) or pattern in name.split("-")

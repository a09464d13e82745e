"""Processor architectures, by the names that images go by."""

# As operating systems say it.
_NAMES = {"x86_64": "amd64", "aarch64": "arm64"}


def architecture_of(machine: str) -> str:
    """`x86_64` is amd64. What is not known by another name keeps its own."""
    name = machine.lower()
    return _NAMES.get(name, name)

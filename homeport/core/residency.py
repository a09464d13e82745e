"""Fences: in which clusters a deployment may be, by their labels. The scheduler, the gateway and the agent each look
for themselves."""

from collections.abc import Iterator, Mapping


def mismatches(residency: Mapping[str, str], labels: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Need against have, of a cluster with these labels; none = it is inside."""
    for key, value in residency.items():
        have = labels.get(key)
        if have != value:
            yield f"{key}={value}", f"{key}={have}" if have is not None else f"a cluster without label {key}"


def is_inside(residency: Mapping[str, str], labels: Mapping[str, str]) -> bool:
    return next(mismatches(residency, labels), None) is None

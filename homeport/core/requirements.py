"""What a host must be to run a workload, whatever is free on it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Requirements:
    """`architectures` as amd64 and arm64; empty = any. The others are ranges of homeport.core.version_range; empty =
    any, and none at all."""

    architectures: tuple[str, ...] = ()
    nvidia_driver: str = ""
    cuda: str = ""


ANY_HOST = Requirements()

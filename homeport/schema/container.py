"""What only a container runtime understands."""

from typing import Annotated, Literal

from pydantic import AfterValidator, model_validator

from homeport.core.quantity import parse_bytes
from homeport.core.workload import ContainerOptions, Mount, PullPolicy, Ulimit
from homeport.schema.base import ApiModel, ProcessText, immutable
from homeport.schema.quantities import Size


def check_absolute(text: str) -> str:
    if not text.startswith("/") or ".." in text.split("/"):
        raise ValueError("must be an absolute path without '..'")
    return text


AbsolutePath = Annotated[ProcessText, AfterValidator(check_absolute)]


class MountSpec(ApiModel):
    """A folder or file of the host inside the container. The host's policy file must allow the source."""

    source: AbsolutePath = immutable(max_length=4096)
    target: AbsolutePath = immutable(max_length=4096)
    read_only: bool = immutable(default=True)


class UlimitSpec(ApiModel):
    name: Literal[
        "core", "cpu", "data", "fsize", "locks", "memlock", "msgqueue", "nice", "nofile", "nproc", "rss", "rtprio",
        "rttime", "sigpending", "stack",
    ] = immutable()  # fmt: skip
    soft: int = immutable(ge=-1)
    """-1 = unlimited."""
    hard: int = immutable(ge=-1)

    @model_validator(mode="after")
    def _soft_is_not_above_hard(self) -> "UlimitSpec":
        if self.hard != -1 and (self.soft == -1 or self.soft > self.hard):
            raise ValueError(f"soft ({self.soft}) must not be above hard ({self.hard})")
        return self


class ContainerSpec(ApiModel):
    """Empty and 0 = the image's or the engine's own."""

    entrypoint: list[ProcessText] = immutable(default_factory=list, max_length=1000)
    pull: Literal["missing", "always", "never"] = immutable(default="missing")
    """When the image is fetched: `never` = it must be on the host already."""
    mounts: list[MountSpec] = immutable(default_factory=list, max_length=100)
    ulimits: list[UlimitSpec] = immutable(default_factory=list, max_length=15)
    shared_memory: Size = immutable(default="0")
    """Size of /dev/shm."""
    user: ProcessText = immutable(default="", max_length=100)
    """name, uid, or uid:gid."""

    def to_core(self) -> ContainerOptions:
        return ContainerOptions(
            entrypoint=tuple(self.entrypoint),
            pull=PullPolicy(self.pull),
            mounts=tuple(Mount(mount.source, mount.target, mount.read_only) for mount in self.mounts),
            ulimits=tuple(Ulimit(ulimit.name, ulimit.soft, ulimit.hard) for ulimit in self.ulimits),
            shared_memory_bytes=parse_bytes(self.shared_memory),
            user=self.user,
        )

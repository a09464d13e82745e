from itertools import chain
from typing import Annotated, Literal

from pydantic import AfterValidator, model_validator

from homeport.core.requirements import Requirements
from homeport.core.version_range import parse_range
from homeport.core.workload import Probe, ProbeKind, Startup, Workload
from homeport.schema.base import ApiModel, Env, Id, ProcessText, immutable
from homeport.schema.compute import ComputeInfo
from homeport.schema.container import ContainerSpec
from homeport.schema.secret import SecretUse


def _check_path(text: str) -> str:
    if not text.startswith("/"):
        raise ValueError("must begin with /")
    return text


UrlPath = Annotated[str, AfterValidator(_check_path)]


class ModelRef(ApiModel):
    id: Id = immutable()


class ProbeSpec(ApiModel):
    """A question to a replica, asked again and again."""

    type: Literal["http", "tcp", "exec", "grpc"] = immutable(default="http")
    """http: GET `path` answers 2xx or 3xx. tcp: the port accepts a connection. exec: `command` ends with 0. grpc: its
    health check (grpc.health.v1) says SERVING."""
    path: UrlPath = immutable(default="/health", max_length=500)
    command: list[ProcessText] = immutable(default_factory=list, max_length=1000)
    interval_seconds: float = immutable(default=1.0, ge=0.05, le=300)
    timeout_seconds: float = immutable(default=2.0, ge=0.05, le=300)
    failure_threshold: int = immutable(default=3, ge=1, le=100)

    @model_validator(mode="after")
    def _has_a_command_exactly_for_exec(self) -> "ProbeSpec":
        if (self.type == "exec") != bool(self.command):
            raise ValueError("`command` goes with `type: exec`, and `type: exec` needs one")
        return self

    def to_core(self) -> Probe:
        return Probe(
            kind=ProbeKind(self.type),
            path=self.path,
            command=tuple(self.command),
            interval_seconds=self.interval_seconds,
            timeout_seconds=self.timeout_seconds,
            failure_threshold=self.failure_threshold,
        )


class StartupSpec(ApiModel):
    """How long a replica may take until it is ready for the first time."""

    progress_deadline_seconds: float = immutable(default=300.0, ge=1, le=86_400)
    """Without a sign of progress: image bytes, output, CPU or disk at work."""
    deadline_seconds: float = immutable(default=3600.0, ge=1, le=86_400)
    """In any case."""

    def to_core(self) -> Startup:
        return Startup(self.progress_deadline_seconds, self.deadline_seconds)


def _check_range(text: str) -> str:
    if text:
        parse_range(text)
    return text


Range = Annotated[str, AfterValidator(_check_range)]


class RequirementsSpec(ApiModel):
    """What a host must be, whatever is free on it."""

    architecture: list[Literal["amd64", "arm64"]] = immutable(default_factory=list, max_length=2)
    """For which the image or command is made; empty = any."""
    nvidia_driver: Range = immutable(default="", max_length=100)
    """Versions that it runs with: `>=535`, or `>=535,<580`."""
    cuda: Range = immutable(default="", max_length=100)
    """Of the newest CUDA that the host's driver serves: `>=12.2`."""

    def to_core(self) -> Requirements:
        return Requirements(tuple(sorted(set(self.architecture))), self.nvidia_driver, self.cuda)


class ModelVersionSpec(ApiModel):
    """One immutable packaging of a model. `{port}`, `{grpc_port}`, `{host}`, `{replica_id}` and `{deployment_id}` in
    command and env are filled in by the agent."""

    id: Id = immutable(reason="a version never changes: make a new one")
    model: ModelRef = immutable()
    description: str = immutable(default="", max_length=1000)
    driver: Literal["process", "docker", "simulated"] = immutable(default="process")
    command: list[ProcessText] = immutable(default_factory=list, max_length=1000)
    image: str = immutable(default="", max_length=500)
    env: Env = immutable(default_factory=dict)
    secrets: list[SecretUse] = immutable(default_factory=list, max_length=100)
    working_directory: ProcessText = immutable(default="", max_length=4096)
    port: int = immutable(default=0, ge=0, le=65_535)
    """0 = the agent picks a free one and passes it as `{port}` and `$PORT`."""
    grpc_port: int | None = immutable(default=None, ge=0, le=65_535)
    """For a model server that listens for gRPC on a port of its own: gRPC goes there, all else to `port`. 0 = the agent
    picks a free one and passes it as `{grpc_port}` and `$GRPC_PORT`. Null = gRPC goes to `port`."""
    protocol: Literal["http", "openai", "kserve-v2", "grpc"] = immutable(default="http", recorded=True)
    """What the model speaks on its port. All of them are passed through as they are."""
    readiness: ProbeSpec = immutable(default_factory=ProbeSpec)
    """Says when a replica may get requests."""
    liveness: ProbeSpec | None = immutable(default=None)
    """Restarts a replica that fails it; none = one that runs is taken for alive."""
    startup: StartupSpec = immutable(default_factory=StartupSpec)
    container: ContainerSpec = immutable(default_factory=ContainerSpec)
    """For the docker driver."""
    inference_compute_info: ComputeInfo = immutable(default_factory=ComputeInfo)
    """What one replica needs. A deployment may say otherwise in its `compute_info`."""
    requires: RequirementsSpec = immutable(default_factory=RequirementsSpec)
    concurrency: int = immutable(default=32, ge=1, le=100_000)
    """Requests that one replica takes at once; more wait."""
    stop_grace_seconds: float = immutable(default=10.0, ge=0, le=3600)
    served_model_name: str = immutable(default="", max_length=500)
    """What the model itself expects in the body's `model` field; empty = the client's text is passed on."""

    @model_validator(mode="after")
    def _has_something_to_run(self) -> "ModelVersionSpec":
        if self.driver == "process" and not self.command:
            raise ValueError(
                "the process driver needs `command`: a list such as [python3, server.py, --port, '{port}']"
            )
        if self.driver == "docker" and not self.image:
            raise ValueError("the docker driver needs `image`")
        if self.driver != "docker" and self.container != ContainerSpec():
            raise ValueError("`container` goes with `driver: docker`")
        return self

    @model_validator(mode="after")
    def _has_a_port_for_each(self) -> "ModelVersionSpec":
        if self.grpc_port and self.grpc_port == self.port:
            raise ValueError("`grpc_port` is a port of its own: leave it out where one port serves both")
        probes = [probe.command for probe in (self.readiness, self.liveness) if probe is not None]
        texts = chain(self.command, self.env.values(), *probes)
        if self.grpc_port is None and any("{grpc_port}" in text for text in texts):
            raise ValueError("`{grpc_port}` goes with `grpc_port`: add `grpc_port: 0` for a free one")
        return self

    def to_core(self) -> Workload:
        return Workload(
            driver=self.driver,
            command=tuple(self.command),
            image=self.image,
            env=dict(self.env),
            working_directory=self.working_directory,
            port=self.port,
            grpc_port=self.grpc_port,
            readiness=self.readiness.to_core(),
            liveness=self.liveness.to_core() if self.liveness else None,
            startup=self.startup.to_core(),
            container=self.container.to_core(),
            needs=self.inference_compute_info.to_core(),
            requires=self.requires.to_core(),
            concurrency=self.concurrency,
            stop_grace_seconds=self.stop_grace_seconds,
            served_model_name=self.served_model_name,
        )

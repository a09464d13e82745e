from typing import Annotated, Literal

from pydantic import AfterValidator, model_validator

from homeport.core.quantity import parse_bytes, parse_cpu_milli
from homeport.core.resources import ComputeNeeds
from homeport.core.workload import Probe, Workload
from homeport.schema.base import ApiModel, Env, Id, ProcessText, immutable, live


def _check_cpu(text: str) -> str:
    parse_cpu_milli(text)
    return text


def _check_bytes(text: str) -> str:
    parse_bytes(text)
    return text


def _check_path(text: str) -> str:
    if not text.startswith("/"):
        raise ValueError("must begin with /")
    return text


Cpu = Annotated[str, AfterValidator(_check_cpu)]
Size = Annotated[str, AfterValidator(_check_bytes)]
UrlPath = Annotated[str, AfterValidator(_check_path)]


class ModelSpec(ApiModel):
    """What to serve."""

    id: Id = immutable()
    description: str = live(default="", max_length=1000)
    default_deployment: str = live(default="")
    """The deployment that answers when a request names the model and several serve it."""


class ModelRef(ApiModel):
    id: Id = immutable()


class ComputeInfo(ApiModel):
    """What one replica needs. Kubernetes quantities."""

    cpu_limit: Cpu = immutable(default="0")
    cpu_memory: Size = immutable(default="0")
    num_accelerators: int = immutable(default=0, ge=0, le=64)
    accelerator_type: list[str] = immutable(default_factory=list, max_length=32)
    accelerator_memory: Size = immutable(default="0")

    def to_core(self) -> ComputeNeeds:
        return ComputeNeeds(
            cpu_milli=parse_cpu_milli(self.cpu_limit),
            memory_bytes=parse_bytes(self.cpu_memory),
            accelerators=self.num_accelerators,
            accelerator_types=tuple(self.accelerator_type),
            accelerator_memory_bytes=parse_bytes(self.accelerator_memory),
        )


class ReadinessProbe(ApiModel):
    """GET `path` on the replica until it answers 2xx or 3xx."""

    path: UrlPath = immutable(default="/health", max_length=500)
    interval_seconds: float = immutable(default=1.0, ge=0.05, le=300)
    timeout_seconds: float = immutable(default=2.0, ge=0.05, le=300)
    failure_threshold: int = immutable(default=3, ge=1, le=100)
    start_deadline_seconds: float = immutable(default=300.0, ge=1, le=86_400)

    def to_core(self) -> Probe:
        return Probe(
            path=self.path,
            interval_seconds=self.interval_seconds,
            timeout_seconds=self.timeout_seconds,
            failure_threshold=self.failure_threshold,
            start_deadline_seconds=self.start_deadline_seconds,
        )


class ModelVersionSpec(ApiModel):
    """One immutable packaging of a model. `{port}`, `{host}`, `{replica_id}` and `{deployment_id}` in command and env
    are filled in by the agent."""

    id: Id = immutable()
    model: ModelRef = immutable()
    description: str = immutable(default="", max_length=1000)
    driver: Literal["process", "docker", "simulated"] = immutable(default="process")
    command: list[ProcessText] = immutable(default_factory=list, max_length=1000)
    image: str = immutable(default="", max_length=500)
    env: Env = immutable(default_factory=dict)
    working_directory: ProcessText = immutable(default="", max_length=4096)
    port: int = immutable(default=0, ge=0, le=65_535)
    """0 = the agent picks a free one and passes it as `{port}` and `$PORT`."""
    readiness: ReadinessProbe = immutable(default_factory=ReadinessProbe)
    inference_compute_info: ComputeInfo = immutable(default_factory=ComputeInfo)
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
        return self

    def to_core(self) -> Workload:
        return Workload(
            driver=self.driver,
            command=tuple(self.command),
            image=self.image,
            env=dict(self.env),
            working_directory=self.working_directory,
            port=self.port,
            readiness=self.readiness.to_core(),
            needs=self.inference_compute_info.to_core(),
            concurrency=self.concurrency,
            stop_grace_seconds=self.stop_grace_seconds,
            served_model_name=self.served_model_name,
        )

"""From a request to the body of a create call."""

import resource
from collections.abc import Mapping, Sequence
from typing import Any

from agent.drivers.docker.labels import marks_of, to_container
from agent.drivers.docker.secret_files import NO_FILES, SecretFiles
from agent.drivers.driver import StartRequest
from homeport.core.rollout.track import deployment_of
from homeport.core.workload import Ulimit

# What images that start as root need to become another user and to own their files. Serving itself needs none.
_CAPABILITIES = ("CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "NET_BIND_SERVICE", "SETGID", "SETUID")
_OPEN_FILES = 65_536
# Enough for any server; a fork bomb ends before the host does.
_PROCESSES = 16_384
_LOG_FILE, _LOG_FILES = "16m", "2"


def create_body(
    request: StartRequest,
    scope: str,
    devices: Sequence[Mapping[str, Any]],
    secrets: SecretFiles = NO_FILES,
    program: Sequence[str] = (),
) -> dict[str, Any]:
    """`devices` are its GPUs as device requests; `program` is what `secrets.entry` becomes. No value of a secret is in
    it. Nothing in it restarts a container: that is the agent's to do."""
    options = request.container
    published = _published(request)
    host_config: dict[str, Any] = {
        "RestartPolicy": {"Name": "no"},
        "Init": True,
        "SecurityOpt": ["no-new-privileges"],
        "CapDrop": ["ALL"],
        "CapAdd": list(_CAPABILITIES),
        "PidsLimit": _PROCESSES,
        "PortBindings": {
            f"{inside}/tcp": [{"HostIp": request.host, "HostPort": str(port)}] for inside, port in published.items()
        },
        "LogConfig": {"Type": "json-file", "Config": {"max-size": _LOG_FILE, "max-file": _LOG_FILES}},
        "Ulimits": [
            {"Name": limit.name, "Soft": limit.soft, "Hard": limit.hard} for limit in _ulimits(options.ulimits)
        ],
        "Mounts": [
            {"Type": "bind", "Source": mount.source, "Target": mount.target, "ReadOnly": mount.read_only}
            for mount in options.mounts
        ]
        + [dict(mount) for mount in secrets.mounts],
        "DeviceRequests": list(devices),
        "NanoCpus": request.cpu_milli * 1_000_000,
        "Memory": request.memory_bytes,
        # Memory and swap together: a model that swaps serves nobody.
        "MemorySwap": request.memory_bytes,
    }
    if options.shared_memory_bytes:
        host_config["ShmSize"] = options.shared_memory_bytes
    body: dict[str, Any] = {
        "Image": request.image,
        "Env": [f"{key}={value}" for key, value in (_environment(request) | dict(secrets.env)).items()],
        "Labels": to_container(marks_of(request), scope),
        "User": options.user,
        "WorkingDir": request.working_directory,
        "ExposedPorts": {f"{inside}/tcp": {} for inside in published},
        "HostConfig": host_config,
    }
    if request.command:
        body["Cmd"] = list(request.command)
    if secrets.entry:
        body["Entrypoint"], body["Cmd"] = list(secrets.entry), list(program)
    elif options.entrypoint:
        body["Entrypoint"] = list(options.entrypoint)
    return body


def _published(request: StartRequest) -> dict[int, int]:
    """Ports of the host, by those inside."""
    published = {request.container_port or request.port: request.port}
    if request.grpc_port:
        published[request.container_grpc_port or request.grpc_port] = request.grpc_port
    return published


def _environment(request: StartRequest) -> dict[str, str]:
    grpc_port = request.container_grpc_port or request.grpc_port
    return request.env | {
        "PORT": str(request.container_port or request.port),
        **({"GRPC_PORT": str(grpc_port)} if grpc_port else {}),
        "HOMEPORT_REPLICA_ID": request.replica_id,
        "HOMEPORT_DEPLOYMENT_ID": deployment_of(request.deployment_id),
        # CUDA images ask for every GPU of the host, which NVIDIA's runtime, where it is the default, then grants.
        # For GPUs that were given, the engine says which.
        **({} if request.gpu_uuids else {"NVIDIA_VISIBLE_DEVICES": "void"}),
    }


def _ulimits(asked: Sequence[Ulimit]) -> list[Ulimit]:
    """Always explicit: what an engine takes by default differs from host to host, and may be more than it can give.

    The agent's own hard limits are what this host gives for sure.
    """
    files = _at_most(_OPEN_FILES, resource.RLIMIT_NOFILE)
    processes = _at_most(_PROCESSES, resource.RLIMIT_NPROC)
    limits = {"nofile": Ulimit("nofile", files, files), "nproc": Ulimit("nproc", processes, processes)}
    return list((limits | {limit.name: limit for limit in asked}).values())


def _at_most(wanted: int, kind: int) -> int:
    _, hard = resource.getrlimit(kind)
    return wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)

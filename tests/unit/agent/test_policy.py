"""The host's policy file: what it allows, and what it says about a file that is wrong."""

from pathlib import Path

import pytest

from agent.policy import HostPolicy, load_policy
from homeport.core.errors import HomeportError


def _load(folder: Path, text: str) -> HostPolicy:
    path = folder / "agent.toml"
    path.write_text(text)
    return load_policy(path)


def test_without_a_file_containers_may_run_and_commands_may_not(tmp_path: Path) -> None:
    policy = load_policy(tmp_path / "none.toml")
    assert policy == HostPolicy()
    assert "docker" in policy.drivers
    assert "process" not in policy.drivers


def test_a_whole_file(tmp_path: Path) -> None:
    policy = _load(
        tmp_path,
        """
        drivers = ["docker", "process", "docker"]
        image_prefixes = ["registry.internal/models"]
        mount_prefixes = ["/srv/models", "/data/"]
        devices = ["GPU-aa", "MIG-bb"]
        engine_socket = "/run/podman/podman.sock"
        secrets = false
        network_mbps = 25000
        replicas_per_gpu = 4
        labels = { disk = "nvme", zone = "b" }
        """,
    )
    assert policy == HostPolicy(
        drivers=("docker", "process"),
        image_prefixes=("registry.internal/models",),
        mount_prefixes=("/srv/models", "/data/"),
        devices=("GPU-aa", "MIG-bb"),
        engine_socket="/run/podman/podman.sock",
        secrets=False,
        network_mbps=25_000,
        replicas_per_gpu=4,
        labels={"disk": "nvme", "zone": "b"},
    )


def test_what_is_not_in_the_file_has_its_default(tmp_path: Path) -> None:
    assert _load(tmp_path, 'drivers = ["process"]') == HostPolicy(drivers=("process",))


@pytest.mark.parametrize(
    ("text", "where", "fix"),
    [
        ("drivers = docker", "", 'drivers = ["docker"]'),
        ('driver = ["docker"]', "driver", "known: drivers"),
        ('drivers = "docker"', "drivers", 'drivers = ["..."]'),
        ("drivers = [1]", "drivers", "list"),
        ('drivers = ["dokcer"]', "drivers", "one of: docker, process"),
        ('network_mbps = "fast"', "network_mbps", "network_mbps = 4"),
        ("network_mbps = -1", "network_mbps", "network_mbps = 4"),
        ("replicas_per_gpu = true", "replicas_per_gpu", "replicas_per_gpu = 4"),
        ("replicas_per_gpu = 32", "replicas_per_gpu", "at most 31"),
        ('labels = ["disk"]', "labels", 'labels = { disk = "nvme" }'),
        ("labels = { disk = 1 }", "labels", 'labels = { disk = "nvme" }'),
        ('labels = { "-disk" = "nvme" }', "labels", 'labels = { disk = "nvme" }'),
        ('image_prefixes = [""]', "image_prefixes", "leave the list out for any"),
        ('mount_prefixes = ["srv"]', "mount_prefixes", "absolute folder"),
        ('mount_prefixes = ["/srv/../etc"]', "mount_prefixes", "without '..'"),
        ('devices = ["0"]', "devices", "nvidia-smi -L"),
        ("engine_socket = 1", "engine_socket", 'engine_socket = "..."'),
        ('engine_socket = "docker.sock"', "engine_socket", "/run/docker.sock"),
    ],
)
def test_a_wrong_file_is_named_with_field_and_fix(tmp_path: Path, text: str, where: str, fix: str) -> None:
    with pytest.raises(HomeportError) as caught:
        _load(tmp_path, text)
    assert str(tmp_path / "agent.toml") in caught.value.path
    assert where in caught.value.path
    assert fix in str(caught.value)


def test_a_file_that_is_not_text(tmp_path: Path) -> None:
    (tmp_path / "agent.toml").write_bytes(b"drivers = [\xff]")
    with pytest.raises(HomeportError, match="not UTF-8"):
        load_policy(tmp_path / "agent.toml")


@pytest.mark.parametrize(
    ("prefixes", "source", "allowed"),
    [
        ((), "/srv/models", False),
        (("/srv/models",), "/srv/models", True),
        (("/srv/models",), "/srv/models/llama", True),
        (("/srv/models",), "/srv/models-of-others", False),
        (("/srv/models",), "/srv", False),
        (("/srv/models/",), "/srv/models/llama", True),
        (("/",), "/etc/shadow", True),
    ],
)
def test_mounts(prefixes: tuple[str, ...], source: str, allowed: bool) -> None:
    assert HostPolicy(mount_prefixes=prefixes).allows_mount(source) is allowed


@pytest.mark.parametrize(
    ("prefixes", "image", "allowed"),
    [
        ((), "anything", True),
        (("vllm/vllm-openai",), "vllm/vllm-openai:v0.9", True),
        (("vllm/vllm-openai",), "vllm/vllm-openai@sha256:00", True),
        (("vllm/vllm-openai",), "vllm/vllm-openai-fork", False),
        (("registry.internal/",), "registry.internal/team/model", True),
        (("registry.internal",), "registry.internal.evil.example/model", False),
    ],
)
def test_images(prefixes: tuple[str, ...], image: str, allowed: bool) -> None:
    assert HostPolicy(image_prefixes=prefixes).allows_image(image) is allowed


def test_devices() -> None:
    assert HostPolicy().allows_device("GPU-aa")
    assert HostPolicy(devices=("GPU-aa",)).allows_device("GPU-aa")
    assert not HostPolicy(devices=("GPU-aa",)).allows_device("GPU-bb")

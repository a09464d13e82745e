"""What a create call says, and what a host's policy keeps it from saying."""

from dataclasses import replace
from pathlib import Path

import pytest

from agent.drivers.docker.body import create_body
from agent.drivers.docker.labels import Marks, from_container
from agent.drivers.docker.policy import allowed
from agent.drivers.driver import Labels, StartRefused, StartRequest
from agent.policy import HostPolicy
from homeport.core.workload import ContainerOptions, Mount, Ulimit

LABELS = Labels("r-1", "chat", "p-1", 3, "sha256:0f9a", 2)
PLAIN = StartRequest(LABELS, (), {}, "", "registry.internal/models/llama:1", "127.0.0.1", 31_000)


def test_what_is_not_asked_for_is_left_to_the_image() -> None:
    body = create_body(PLAIN, "n-1", [])
    assert "Cmd" not in body
    assert "Entrypoint" not in body
    assert "ShmSize" not in body["HostConfig"]
    assert body["HostConfig"]["RestartPolicy"] == {"Name": "no"}
    assert body["HostConfig"]["PortBindings"] == {"31000/tcp": [{"HostIp": "127.0.0.1", "HostPort": "31000"}]}


def test_what_is_asked_for() -> None:
    options = ContainerOptions(
        entrypoint=("serve",),
        mounts=(Mount("/srv/models", "/models"), Mount("/srv/cache", "/cache", read_only=False)),
        ulimits=(Ulimit("memlock", -1, -1),),
        shared_memory_bytes=1 << 30,
        user="1000:1000",
    )
    wanted = replace(
        PLAIN, command=("--port", "8000"), container_port=8000, cpu_milli=1500, memory_bytes=2 << 30, container=options
    )
    body = create_body(wanted, "n-1", [{"Driver": "cdi"}])
    host = body["HostConfig"]
    assert (body["Entrypoint"], body["Cmd"], body["User"]) == (["serve"], ["--port", "8000"], "1000:1000")
    assert host["PortBindings"] == {"8000/tcp": [{"HostIp": "127.0.0.1", "HostPort": "31000"}]}
    assert (host["NanoCpus"], host["Memory"], host["MemorySwap"]) == (1_500_000_000, 2 << 30, 2 << 30)
    assert [(mount["Target"], mount["ReadOnly"]) for mount in host["Mounts"]] == [("/models", True), ("/cache", False)]
    assert {"Name": "memlock", "Soft": -1, "Hard": -1} in host["Ulimits"]
    assert host["DeviceRequests"] == [{"Driver": "cdi"}]
    assert "PORT=8000" in body["Env"]


def test_a_port_for_grpc_is_published_beside_the_other_one() -> None:
    wanted = replace(PLAIN, container_port=8000, grpc_port=31_001, container_grpc_port=8001)
    body = create_body(wanted, "n-1", [])
    assert body["ExposedPorts"] == {"8000/tcp": {}, "8001/tcp": {}}
    assert body["HostConfig"]["PortBindings"] == {
        "8000/tcp": [{"HostIp": "127.0.0.1", "HostPort": "31000"}],
        "8001/tcp": [{"HostIp": "127.0.0.1", "HostPort": "31001"}],
    }
    assert {"PORT=8000", "GRPC_PORT=8001"} <= set(body["Env"])
    assert from_container(body["Labels"], "n-1") == Marks(LABELS, "127.0.0.1", 31_000, 31_001)
    before = {key: value for key, value in body["Labels"].items() if key != "homeport.grpc-port"}
    assert from_container(before, "n-1") == Marks(LABELS, "127.0.0.1", 31_000), "one of an earlier release"


def test_one_without_gpus_hides_them_and_one_with_some_does_not() -> None:
    assert "NVIDIA_VISIBLE_DEVICES=void" in create_body(PLAIN, "n-1", [])["Env"]
    given = create_body(replace(PLAIN, gpu_uuids=("GPU-a",)), "n-1", [{}])["Env"]
    assert not [pair for pair in given if pair.startswith("NVIDIA_VISIBLE_DEVICES")]


def test_labels_tell_who_it_is_to_its_own_agent_only() -> None:
    written = create_body(PLAIN, "n-1", [])["Labels"]
    assert from_container(written, "n-1") == Marks(LABELS, "127.0.0.1", 31_000)
    assert from_container(written, "n-2") is None
    assert from_container(written | {"homeport.port": "many"}, "n-1") is None
    assert from_container({"homeport.node": "n-1"}, "n-1") is None


@pytest.mark.parametrize(
    ("wanted", "policy", "reason"),
    [
        (replace(PLAIN, image=""), HostPolicy(), "the workload has no image"),
        (
            PLAIN,
            HostPolicy(image_prefixes=("registry.other",)),
            r'not allowed on this host; to allow it, add "registry.internal/models" to image_prefixes in /etc/homeport',
        ),
        (replace(PLAIN, gpu_uuids=("GPU-a",)), HostPolicy(devices=("GPU-b",)), 'add "GPU-a" to devices in /etc'),
        (
            replace(PLAIN, container=ContainerOptions(mounts=(Mount("/srv/models", "/models"),))),
            HostPolicy(),
            'mounting /srv/models is not allowed on this host; to allow it, add "/srv/models" to mount_prefixes',
        ),
        (
            replace(PLAIN, container=ContainerOptions(mounts=(Mount("/srv/no-such", "/models"),))),
            HostPolicy(mount_prefixes=("/srv",)),
            "/srv/no-such is to be mounted, and is not on this host or hidden from the agent",
        ),
    ],
)
def test_a_refusal_names_the_line_that_would_allow_it(wanted: StartRequest, policy: HostPolicy, reason: str) -> None:
    with pytest.raises(StartRefused, match=reason):
        allowed(wanted, policy)


def test_a_link_does_not_lead_out_of_what_is_allowed(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "secrets").mkdir()
    (tmp_path / "models" / "way-out").symlink_to(tmp_path / "secrets")
    (tmp_path / "newest").symlink_to(tmp_path / "models")
    policy = HostPolicy(mount_prefixes=(str(tmp_path / "models"),))

    def mounting(source: Path) -> StartRequest:
        return replace(PLAIN, container=ContainerOptions(mounts=(Mount(str(source), "/m"),)))

    with pytest.raises(StartRefused, match=r"way-out \(that is .*/secrets\) is not allowed"):
        allowed(mounting(tmp_path / "models" / "way-out"), policy)
    # What is mounted is what was looked at.
    assert allowed(mounting(tmp_path / "newest"), policy).container.mounts == (Mount(str(tmp_path / "models"), "/m"),)

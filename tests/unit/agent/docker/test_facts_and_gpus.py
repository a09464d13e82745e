"""Which engine it is, and by which way it gives GPUs to containers; its answers are shortened real ones."""

from typing import Any

import pytest

from agent.drivers.docker.facts import EngineFacts, engine_facts
from agent.drivers.docker.gpus import check_seen, device_requests, gpu_obstacle, seen_uuids
from agent.drivers.docker.images import image_names
from agent.drivers.driver import StartRefused

PODMAN = [{"Name": "Podman Engine", "Version": "5.4.0"}, {"Name": "Conmon"}]
A, B = "GPU-5ca1ab1e-0000-0000-0000-000000000000", "MIG-0ddba11-0000-0000-0000-000000000000"


@pytest.mark.parametrize(
    ("version", "info", "facts"),
    [
        (
            {"Version": "20.10.24+dfsg1", "ApiVersion": "1.41", "Components": [{"Name": "Engine"}]},
            {"Runtimes": {"runc": {}, "nvidia": {}}, "IndexServerAddress": "registry"},
            EngineFacts("docker", "20.10.24+dfsg1", "1.41", ("runc", "nvidia"), (), "registry"),
        ),
        (
            {"Version": "28.1.0", "ApiVersion": "1.49"},
            {"CDISpecDirs": ["/etc/cdi"]},
            EngineFacts("docker", "28.1.0", "1.49", (), ("/etc/cdi",)),
        ),
        (
            {"Version": "5.4.0", "ApiVersion": "1.41", "Components": PODMAN},
            {"Runtimes": None, "CDISpecDirs": None},
            EngineFacts("podman", "5.4.0", "1.41", (), ("/etc/cdi", "/var/run/cdi")),
        ),
    ],
)
def test_an_engine_by_its_answers(version: dict[str, Any], info: dict[str, Any], facts: EngineFacts) -> None:
    assert engine_facts(version, info) == facts


@pytest.mark.parametrize(
    ("api", "problem"),
    [
        ("1.41", ""),
        ("1.52", ""),
        ("2.0", ""),
        ("1.40", "Docker 1.0 speaks API 1.40, and 1.41 is the least"),
        ("1", "1"),
    ],
)
def test_the_least_version(api: str, problem: str) -> None:
    said = EngineFacts("docker", "1.0", api).problem
    assert problem in said
    assert bool(said) == bool(problem)


CDI = [{"Driver": "cdi", "DeviceIDs": [f"nvidia.com/gpu={A}", f"nvidia.com/gpu={B}"]}]
NVIDIA = [{"Driver": "nvidia", "DeviceIDs": [A, B], "Capabilities": [["gpu", "compute", "utility"]]}]


@pytest.mark.parametrize(
    ("facts", "specs", "requests"),
    [
        (EngineFacts("docker", "25.0.3", "1.44", (), ("/etc/cdi",)), {"/etc/cdi"}, CDI),
        (EngineFacts("docker", "28.1.0", "1.49", ("nvidia",), ("/etc/cdi", "/run/cdi")), {"/run/cdi"}, CDI),
        # CDI off in the engine, or nothing described: by the runtime.
        (EngineFacts("docker", "25.0.3", "1.44", ("nvidia",)), {"/etc/cdi"}, NVIDIA),
        (EngineFacts("docker", "28.1.0", "1.49", ("nvidia",), ("/etc/cdi",)), set(), NVIDIA),
        (EngineFacts("docker", "20.10.24", "1.41", ("nvidia",)), set(), NVIDIA),
        (EngineFacts("podman", "5.4.0", "1.41", (), ("/etc/cdi",)), {"/etc/cdi"}, CDI),
    ],
)
def test_by_which_way(facts: EngineFacts, specs: set[str], requests: list[dict[str, Any]]) -> None:
    assert device_requests([A, B], facts, specs.__contains__) == requests
    assert device_requests([], facts, specs.__contains__) == []


@pytest.mark.parametrize(
    ("facts", "specs", "reason"),
    [
        (EngineFacts("docker", "28.1.0", "1.49", ("runc",), ("/etc/cdi",)), set(), "Docker 28.1.0.*nvidia-ctk cdi gen"),
        (EngineFacts("docker", "25.0.3", "1.44", ("runc",)), {"/etc/cdi"}, "below Docker 28, set features.cdi"),
        (EngineFacts("docker", "20.10.24", "1.41", ("runc",)), set(), "install the NVIDIA container toolkit"),
        (EngineFacts("podman", "4.3.1", "1.41", ("nvidia",), ("/etc/cdi",)), {"/etc/cdi"}, "update to Podman 5.4"),
        (EngineFacts("podman", "5.4.0", "1.41", ("nvidia",), ("/etc/cdi",)), set(), "make a CDI specification"),
    ],
)
def test_no_way_is_a_refusal_with_the_fix(facts: EngineFacts, specs: set[str], reason: str) -> None:
    with pytest.raises(StartRefused, match=reason):
        device_requests([A], facts, specs.__contains__)


LISTING = f"""GPU 0: NVIDIA H200 (UUID: {A})
  MIG 1g.18gb     Device  0: (UUID: {B})
"""


def test_what_the_container_sees() -> None:
    assert seen_uuids(LISTING) == {A, B}
    check_seen([A, B], seen_uuids(LISTING))
    with pytest.raises(StartRefused, match=r"without GPU-other \(it sees GPU-5ca1ab1e.*MIG-0ddba11"):
        check_seen(["GPU-other"], seen_uuids(LISTING))
    with pytest.raises(StartRefused, match="sees no GPU"):
        check_seen([A], seen_uuids("No devices found.\n"))


def test_an_engine_that_can_give_no_gpus_says_what_to_do_before_anybody_asks() -> None:
    able = EngineFacts("docker", "28.1.0", "1.49", (), ("/etc/cdi",))
    assert gpu_obstacle(able, lambda folder: True) == ""
    assert "nvidia-ctk cdi generate" in gpu_obstacle(able, lambda folder: False)


def test_images_are_named_by_tag_or_digest_the_newest_first() -> None:
    listed: list[dict[str, Any]] = [
        {"RepoTags": ["docker.io/library/nginx:1.27", "nginx:latest"], "Created": 10},
        {"RepoTags": ["<none>:<none>"], "RepoDigests": ["llama@sha256:ab"], "Created": 20},
        {"RepoTags": None, "RepoDigests": None, "Created": 30},
        *({"RepoTags": [f"old:{number}"], "Created": -number} for number in range(100)),
    ]
    names = image_names(listed)
    assert names[:4] == ("llama@sha256:ab", "nginx:1.27", "nginx:latest", "old:0")
    assert len(names) == 64

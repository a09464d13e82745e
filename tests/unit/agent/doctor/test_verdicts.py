"""What the doctor makes of facts: tables of facts and verdicts. Whatever is not well comes with a fix."""

from datetime import UTC, datetime

import pytest

from agent.doctor.cdi import judge_cdi
from agent.doctor.clock import judge_skew, judge_time
from agent.doctor.disk import Room, judge_room
from agent.doctor.engine import judge_engine
from agent.doctor.finding import Finding, Verdict
from agent.doctor.gpu import judge_driver
from agent.doctor.policy import judge_policy
from agent.doctor.proxy import judge_proxy
from agent.doctor.reachability import judge_port
from agent.doctor.state import Folder, judge_folder
from agent.doctor.unit import judge_unit
from agent.drivers.docker.facts import EngineFacts
from agent.fingerprint.gpu_nvidia import NvidiaFacts
from agent.policy import HostPolicy
from homeport.core.resources import Gpu

OK, WARN, FAIL = Verdict.OK, Verdict.WARN, Verdict.FAIL
GIB = 1 << 30


def _check(finding: Finding, verdict: Verdict, fix: str) -> None:
    assert finding.verdict is verdict, finding
    assert bool(finding.fix) is (verdict is not OK), finding
    assert fix in finding.fix


@pytest.mark.parametrize(
    ("seconds", "verdict", "words"),
    [
        (0.0, OK, "0.0 s behind"),
        (4.9, OK, "4.9 s ahead of"),
        (-5.1, WARN, "5.1 s behind"),
        (301.0, FAIL, "301.0 s ahead of"),
        (-9000.0, FAIL, "9000.0 s behind"),
    ],
)
def test_clock_skew(seconds: float, verdict: Verdict, words: str) -> None:
    finding = judge_skew(seconds)
    _check(finding, verdict, "timedatectl" if verdict is not OK else "")
    assert words in finding.message


@pytest.mark.parametrize(
    ("now", "verdict"),
    [("2026-01-01T11:59", FAIL), ("2026-01-01T12:01", OK), ("2026-01-02T11:59", OK), ("2026-03-01T00:00", WARN)],
)
def test_clock_against_the_certificate(now: str, verdict: Verdict) -> None:
    begin, end = datetime(2026, 1, 1, 12, tzinfo=UTC), datetime(2026, 1, 2, 12, tzinfo=UTC)
    at = datetime.fromisoformat(now).replace(tzinfo=UTC).timestamp()
    _check(judge_time(at, begin, end), verdict, "")


@pytest.mark.parametrize(
    ("room", "verdict"),
    [
        (Room(100 * GIB, 50 * GIB, 1000, 900), OK),
        (Room(100 * GIB, 50 * GIB, 0, 0), OK),
        (Room(100 * GIB, 9 * GIB, 1000, 900), WARN),
        (Room(100 * GIB, 50 * GIB, 1000, 49), WARN),
        (Room(100 * GIB, GIB - 1, 1000, 900), FAIL),
        (Room(100 * GIB, 50 * GIB, 1000, 9), FAIL),
    ],
)
def test_disk(room: Room, verdict: Verdict) -> None:
    _check(judge_room("/var/lib/homeport-agent", room), verdict, "")


@pytest.mark.parametrize(
    ("folder", "verdict", "fix"),
    [
        (Folder("/s", "homeport-agent", 0o700, True), OK, ""),
        (Folder("/s", "homeport-agent", 0o750, True), FAIL, "chmod 700 /s"),
        (Folder("/s", "homeport-agent", 0o700, False), FAIL, "as homeport-agent"),
    ],
)
def test_state_directory(folder: Folder, verdict: Verdict, fix: str) -> None:
    _check(judge_folder(folder), verdict, fix)


@pytest.mark.parametrize(
    ("properties", "verdict", "fix"),
    [
        ({"LoadState": "loaded", "ActiveState": "active", "UnitFileState": "enabled", "NRestarts": "0"}, OK, ""),
        ({"LoadState": "not-found", "ActiveState": "inactive"}, WARN, "install.sh agent"),
        ({"LoadState": "loaded", "ActiveState": "activating"}, FAIL, "journalctl"),
        ({"LoadState": "loaded", "ActiveState": "active", "UnitFileState": "disabled"}, WARN, "--no-reload enable"),
        (
            {
                "LoadState": "loaded",
                "ActiveState": "active",
                "UnitFileState": "enabled",
                "NRestarts": "0",
                "NeedDaemonReload": "yes",
            },
            WARN,
            "GPU",
        ),
        ({"LoadState": "loaded", "ActiveState": "active", "UnitFileState": "enabled", "NRestarts": "7"}, WARN, "says"),
        ({}, WARN, "install.sh"),
    ],
)
def test_unit(properties: dict[str, str], verdict: Verdict, fix: str) -> None:
    _check(judge_unit(properties), verdict, fix)


@pytest.mark.parametrize(
    ("engine", "verdict"),
    [
        (EngineFacts("docker", "20.10.24+dfsg1", "1.41"), OK),
        (EngineFacts("docker", "28.1.0", "1.49"), OK),
        (EngineFacts("docker", "19.03.0", "1.40"), FAIL),
    ],
)
def test_engine(engine: EngineFacts, verdict: Verdict) -> None:
    _check(judge_engine(engine, "/s"), verdict, "Docker 20.10" if verdict is FAIL else "")


GPU = Gpu("GPU-aa", "NVIDIA H200", 141 * GIB)
LOST = Gpu("GPU-bb", "NVIDIA H200", 141 * GIB, problem="GPU is lost")


@pytest.mark.parametrize(
    ("on_bus", "library", "facts", "verdicts"),
    [
        (0, False, NvidiaFacts(), [OK]),
        (2, False, NvidiaFacts(), [FAIL]),
        (2, True, NvidiaFacts(problem="NVML: Driver Not Loaded"), [FAIL]),
        (1, True, NvidiaFacts((GPU,), "570"), [OK]),
        (2, True, NvidiaFacts((GPU, LOST), "570"), [OK, FAIL]),
        (1, True, NvidiaFacts((LOST,), "570"), [FAIL]),
        (0, True, NvidiaFacts((), "570"), [WARN]),
    ],
)
def test_gpu_driver(on_bus: int, library: bool, facts: NvidiaFacts, verdicts: list[Verdict]) -> None:
    findings = judge_driver(on_bus, library, facts)
    assert [finding.verdict for finding in findings] == verdicts
    for finding in findings:
        _check(finding, finding.verdict, "")


SPEC = ("/etc/cdi/nvidia.yaml",)


@pytest.mark.parametrize(
    ("name", "version", "runtimes", "specs", "verdict", "fix"),
    [
        ("docker", "28.1.0", (), SPEC, OK, ""),
        ("docker", "25.0.0", ("nvidia",), SPEC, OK, ""),
        ("podman", "5.4.0", (), SPEC, OK, ""),
        ("podman", "5.3.2", (), SPEC, FAIL, "podman 5.4"),
        ("docker", "24.0.7", (), SPEC, FAIL, "docker 25"),
        ("docker", "24.0.7", ("nvidia",), (), WARN, "nvidia-ctk cdi generate"),
        ("docker", "28.1.0", (), (), FAIL, "nvidia-ctk cdi generate"),
    ],
)
def test_gpus_in_containers(
    name: str, version: str, runtimes: tuple[str, ...], specs: tuple[str, ...], verdict: Verdict, fix: str
) -> None:
    engine = EngineFacts(name, version, "1.44", runtimes)
    _check(judge_cdi(engine, specs), verdict, fix)


def test_gpus_without_an_engine() -> None:
    _check(judge_cdi(None, SPEC), WARN, "engine")


@pytest.mark.parametrize(
    ("environment", "verdict"),
    [
        ({}, OK),
        ({"https_proxy": "http://proxy:3128"}, WARN),
        ({"https_proxy": "http://proxy:3128", "no_proxy": "localhost,.example"}, OK),
        ({"HTTP_PROXY": "http://proxy:3128", "NO_PROXY": "hub.example"}, OK),
        ({"https_proxy": "http://proxy:3128", "no_proxy": "localhost"}, WARN),
    ],
)
def test_proxy(environment: dict[str, str], verdict: Verdict) -> None:
    _check(judge_proxy(environment, "hub.example"), verdict, "no_proxy=hub.example" if verdict is WARN else "")


@pytest.mark.parametrize(
    ("name", "problem", "joined", "verdict", "fix"),
    [
        ("session", "", True, OK, ""),
        ("session", "Connection refused", True, FAIL, "let this host open"),
        ("tunnel", "not this control plane's certificate: self-signed", True, FAIL, "opens TLS"),
        ("enrollment", "Connection refused", False, FAIL, "let this host open"),
        ("enrollment", "Connection refused", True, WARN, "has joined"),
    ],
)
def test_reachability(name: str, problem: str, joined: bool, verdict: Verdict, fix: str) -> None:
    _check(judge_port(name, "hub.example:8443", problem, joined), verdict, fix)


@pytest.mark.parametrize(
    ("policy", "verdict", "fix"),
    [
        (HostPolicy(), OK, ""),
        (HostPolicy(drivers=()), WARN, 'drivers = ["docker"]'),
        (HostPolicy(drivers=("docker", "process")), WARN, "leave it out"),
    ],
)
def test_policy(policy: HostPolicy, verdict: Verdict, fix: str) -> None:
    _check(judge_policy(policy, "/etc/homeport/agent.toml"), verdict, fix)

"""What an engine's answers mean: ends, figures, progress of a pull, times of log lines."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from agent.drivers.docker.exit import exit_of
from agent.drivers.docker.log import Cursor, instant_of
from agent.drivers.docker.pull import PullProgress, login_for, meaning_of, registry_of
from agent.drivers.docker.stats import stats_of
from agent.drivers.driver import Exit, Stats

GIB = 1 << 30


@pytest.mark.parametrize(
    ("state", "limit", "last_line", "exit"),
    [
        ({"ExitCode": 0}, 0, "", Exit(0, "exit code 0")),
        ({"ExitCode": 3}, 0, "no weights", Exit(3, "exit code 3: no weights")),
        ({"ExitCode": 143}, GIB, "bye", Exit(-15, "killed by SIGTERM: bye")),
        ({"ExitCode": 137}, 0, "", Exit(-9, "killed by SIGKILL")),
        ({"ExitCode": 137}, GIB, "", Exit(-9, "killed by SIGKILL, perhaps out of memory: the limit is 1GiB")),
        ({"ExitCode": 137, "OOMKilled": True}, 2 * GIB, "", Exit(-9, "out of memory: the limit is 2GiB")),
        ({"ExitCode": 137, "OOMKilled": True}, 0, "", Exit(-9, "out of memory: the host has no more")),
        (
            {"ExitCode": 1, "OOMKilled": True},
            GIB,
            "worker died",
            Exit(1, "exit code 1 after a process of it ran out of memory: the limit is 1GiB: worker died"),
        ),
        ({"ExitCode": 128, "Error": "no such file"}, 0, "x", Exit(128, "exit code 128: no such file")),
        ({"ExitCode": 255}, 0, "", Exit(255, "exit code 255")),
    ],
)
def test_how_it_ended(state: dict[str, Any], limit: int, last_line: str, exit: Exit) -> None:
    assert exit_of(state, limit, last_line) == exit


CPU = {"cpu_usage": {"total_usage": 2_500_000_000}}


@pytest.mark.parametrize(
    ("figures", "stats"),
    [
        (
            {
                "cpu_stats": CPU,
                "memory_stats": {"usage": 100, "stats": {"total_inactive_file": 30, "inactive_file": 1}},
                "blkio_stats": {
                    "io_service_bytes_recursive": [
                        {"op": "Read", "value": 7},
                        {"op": "Write", "value": 5},
                        {"op": "Total", "value": 12},
                    ]
                },
            },
            Stats(2.5, 70, 12),
        ),
        ({"cpu_stats": CPU, "memory_stats": {"usage": 100, "stats": {"inactive_file": 40}}}, Stats(2.5, 60, 0)),
        ({"cpu_stats": CPU, "memory_stats": {}, "blkio_stats": {"io_service_bytes_recursive": None}}, None),
    ],
)
def test_what_it_uses(figures: dict[str, Any], stats: Stats | None) -> None:
    assert stats_of(figures) == stats


def test_progress_of_a_pull_adds_up_over_layers() -> None:
    progress = PullProgress("llama:1")
    events: list[dict[str, Any]] = [
        {"status": "Pulling from models/llama", "id": "1"},
        {"status": "Downloading", "id": "a", "progressDetail": {"current": GIB // 2, "total": GIB}},
        {"status": "Downloading", "id": "b", "progressDetail": {"current": GIB, "total": 3 * GIB}},
        {"status": "Download complete", "id": "a", "progressDetail": {}},
        {"status": "Download complete", "id": "b", "progressDetail": {}},
        {"status": "Extracting", "id": "a", "progressDetail": {"current": 1, "total": 99}},
    ]
    assert [progress.after(event) for event in events] == [
        "pulling llama:1, pulling from models/llama",
        "pulling llama:1, 512MiB of 1GiB",
        "pulling llama:1, 1.5GiB of 4GiB",
        "pulling llama:1, 2GiB of 4GiB",
        "pulling llama:1, download complete",
        "pulling llama:1, extracting",
    ]


@pytest.mark.parametrize(
    ("message", "meaning"),
    [
        ("write /var/lib/docker/tmp/x: no space left on device", "the engine's disk is full"),
        ("dial tcp: lookup registry.internal: no such host", "its registry cannot be reached from this host"),
        ("Get https://registry.internal/v2/: net/http: TLS handshake timeout", "its registry cannot be reached"),
        ("pull access denied for x, repository does not exist or may require 'docker login'", "wants a login"),
        ("unauthorized: authentication required", "its registry wants a login"),
        ("manifest for x:9 not found: manifest unknown", "there is no such image"),
        ("no matching manifest for linux/arm64/v8 in the manifest list entries", "not made for this host's processor"),
        ("something new", "the engine says"),
    ],
)
def test_why_a_pull_failed(message: str, meaning: str) -> None:
    assert meaning in meaning_of(message)


@pytest.mark.parametrize(
    ("image", "registry"),
    [
        ("llama", ""),
        ("models/llama:1", ""),
        ("registry.internal/models/llama:1", "registry.internal"),
        ("registry:5000/llama", "registry:5000"),
        ("localhost/llama", "localhost"),
    ],
)
def test_whose_image_it_is(image: str, registry: str) -> None:
    assert registry_of(image) == registry


def test_logins_are_those_of_the_docker_cli(tmp_path: Path) -> None:
    config = tmp_path / "config.json"
    assert login_for("registry.internal", config) == ""
    login = base64.b64encode(b"ada:pass:word").decode()
    config.write_text(json.dumps({"auths": {"registry.internal": {"auth": login}, "empty.internal": {}}}))
    told = json.loads(base64.urlsafe_b64decode(login_for("registry.internal", config)))
    assert told == {"username": "ada", "password": "pass:word", "serveraddress": "registry.internal"}
    assert login_for("empty.internal", config) == ""
    assert login_for("other.internal", config) == ""


@pytest.mark.parametrize(
    ("stamp", "instant"),
    [
        ("1970-01-01T00:00:01.000000002Z", 1_000_000_002),
        ("1970-01-01T00:00:01Z", 1_000_000_000),
        ("1970-01-01T02:00:01.5+02:00", 1_500_000_000),
        ("1969-12-31T22:00:00.123456789-02:00", 123_456_789),
    ],
)
def test_the_instant_of_a_line(stamp: str, instant: int) -> None:
    assert instant_of(stamp) == instant


def test_a_cursor_counts_lines_of_one_instant() -> None:
    assert Cursor().after(5).after(5).after(7) == Cursor(7, 1)
    assert Cursor(5, 2).after(5) == Cursor(5, 3)

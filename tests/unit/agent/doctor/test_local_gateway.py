"""What the doctor says of a local gateway."""

import socket
from pathlib import Path
from typing import Any

import pytest

from agent.doctor.finding import Host, Verdict
from agent.doctor.local_gateway import check_local_gateway, judge_status

WELL = {
    "url": "https://10.0.0.5:8000",
    "tunnels": "10.0.0.5:8001",
    "certified": True,
    "tokens_accepted_seconds": 7 * 86_400.0,
    "problems": [],
}


@pytest.mark.parametrize(
    ("change", "verdict", "said"),
    [
        ({}, Verdict.OK, "https://10.0.0.5:8000"),
        ({"certified": False}, Verdict.WARN, "no certificate yet"),
        ({"tokens_accepted_seconds": 0.0}, Verdict.FAIL, "accepts no access tokens"),
        ({"tokens_accepted_seconds": 7200.0}, Verdict.WARN, "in 2.0 hours"),
        ({"problems": ["too much"]}, Verdict.WARN, "too much"),
    ],
)
def test_of_a_running_one(change: dict[str, Any], verdict: Verdict, said: str) -> None:
    [finding] = judge_status({**WELL, **change})
    assert finding.verdict is verdict
    assert said in finding.message
    assert bool(finding.fix) is (verdict is not Verdict.OK)


def _host(folder: Path, section: str) -> Host:
    (folder / "agent.toml").write_text(section)
    return Host(folder, folder / "agent.toml")


def test_without_one_there_is_nothing_to_say(tmp_path: Path) -> None:
    assert check_local_gateway(_host(tmp_path, "")) == []
    assert check_local_gateway(Host(tmp_path, tmp_path / "agent.toml", status={"local_gateway": None})) == []


def test_a_port_that_is_taken_and_settings_that_do_not_fit(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        [finding] = check_local_gateway(_host(tmp_path, f'[local_gateway]\nclients = "127.0.0.1:{port}"\n'))
    assert finding.verdict is Verdict.FAIL
    assert f"127.0.0.1:{port}" in finding.message
    [finding] = check_local_gateway(_host(tmp_path, '[local_gateway]\nclients = "0.0.0.0:8000"\n'))
    assert (finding.verdict, "in clear" in finding.message) == (Verdict.FAIL, True)

"""homeport plan --replay."""

import json
from pathlib import Path

import pytest

from tests.fakes.api import ScriptedApi
from tests.unit.cli.conftest import Cli

DEPLOYMENT = """
deployment:
  id: chat
  worker: {model: {id: m}}
  nodepools: [{id: default, compute_cluster: {id: home}}]
  autoscale_config: {min_replicas: %s, max_replicas: 1}
"""
VERSION = """---
model_version: {id: v1, model: {id: m}, command: [serve], concurrency: 3}
"""
# Two requests of one second, an hour apart.
TABLE = "arrival_seconds,context_tokens,generated_tokens\n0,8000,0\n3600,8000,0\n"
ALL_GIVEN = ("--cold-start", "10", "--price", "2", "--concurrency", "1")


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "zero.yaml").write_text(DEPLOYMENT % 0)
    (tmp_path / "always.yaml").write_text(DEPLOYMENT % 1)
    (tmp_path / "version.yaml").write_text(DEPLOYMENT % 0 + VERSION)
    (tmp_path / "trace.csv").write_text(TABLE)
    return tmp_path


def _page(*items: object) -> dict[str, object]:
    return {"items": list(items), "seq": 1, "next_cursor": None}


def test_a_file_needs_no_homeport_when_all_is_given(files: Path, cli: Cli) -> None:
    ran = cli("plan", "--replay", str(files / "trace.csv"), "-f", str(files / "zero.yaml"), *ALL_GIVEN)
    assert ran.code == 0, ran.err
    assert "chat: 2 requests in 1:00:00" in ran.out
    assert "late      2 (100.00 %) waited for more than 2 s" in ran.out
    assert "starts    2, 2 of them from zero" in ran.out
    assert "at $2 an hour" in ran.out
    assert "assumed" not in ran.out
    assert ran.out.splitlines()[-2].startswith("+0:")


def test_a_minimum_costs_hours_and_saves_waits(files: Path, cli: Cli) -> None:
    command = ("plan", "--replay", str(files / "trace.csv"), *ALL_GIVEN, "-o", "json")
    zero, always = (json.loads(cli(*command, "-f", str(files / f"{name}.yaml")).out) for name in ("zero", "always"))
    assert (zero["late"], always["late"]) == (2, 1)
    assert zero["replica_hours"] < always["replica_hours"] == pytest.approx(1.0, abs=0.01)
    assert always["cost"] == pytest.approx(2.0, abs=0.02)
    assert always["steps"] == [{"at": 0.0, "replicas": 1, "driver": "min_replicas"}]
    assert sum(span["requests"] for span in zero["spans"]) == 2


def test_what_nobody_says_is_assumed_and_told(files: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("API", "GATEWAY", "TOKEN", "CONTEXT"):
        monkeypatch.delenv(f"HOMEPORT_{name}", raising=False)
    found = json.loads(cli("plan", "--replay", "-", "-f", str(files / "zero.yaml"), "-o", "json", stdin=TABLE).out)
    assert (found["start_seconds"], found["concurrency"], found["cost"]) == (30, 32, None)
    assert len(found["assumed"]) == 2


def test_the_version_in_the_file_says_how_many_requests_a_replica_takes(files: Path, cli: Cli) -> None:
    ran = cli("plan", "--replay", str(files / "trace.csv"), "-f", str(files / "version.yaml"), "-o", "json",
              "--cold-start", "5", "--price", "1")  # fmt: skip
    assert json.loads(ran.out)["concurrency"] == 3


def test_recorded_traffic_is_replayed_with_what_homeport_knows(files: Path, api: ScriptedApi, cli: Cli) -> None:
    minute = {"arrivals": 30, "completions": 30, "mean_service_seconds": 0.5, "waiting_seconds": 0.0,
              "peak_requests": 3, "peak_arrivals": 2, "tokens": 0}  # fmt: skip
    api.answer(
        "GET", "deployments/chat/traffic", _page(*({"minute": 1_700_000_040 + 60 * n, **minute} for n in range(3)))
    )
    start = {"total_seconds": 12.5, "queue_seconds": 0.5, "problem": ""}
    api.answer("GET", "deployments/chat/cold-starts", _page(start, {**start, "problem": "exit code 1"}))
    version = {"kind": "model_version", "id": "m/v1", "generation": 1, "seq": 1, "created_at": 1.0, "updated_at": 1.0,
               "spec": {"id": "v1", "model": {"id": "m"}, "concurrency": 8}, "status": {}}  # fmt: skip
    api.answer("GET", "models/m/versions", _page(version))
    node = {"node_id": "n1", "max": 2}
    forecast = {"price_per_hour": {"low": 0.0, "high": 6.0, "unpriced": []}, "nodes": [node]}
    result = {"kind": "deployment", "id": "chat", "action": "created", "changes": [], "recorded": [], "object": version,
              "forecast": forecast}  # fmt: skip
    api.answer("POST", "apply", {"results": [result]})
    ran = cli("plan", "--replay", "recorded", "--hours", "2", "-f", str(files / "zero.yaml"), "-o", "json")
    assert ran.code == 0, ran.err
    found = json.loads(ran.out)
    assert (found["requests"], found["began_at"]) == (90, 1_700_000_040)
    assert (found["start_seconds"], found["concurrency"], found["price_per_replica_hour"]) == (12.0, 8, 3.0)
    assert found["assumed"] == []


@pytest.mark.parametrize(
    ("trace", "file", "message"),
    [
        ("missing.csv", "zero.yaml", "missing.csv cannot be read: No such file or directory"),
        ("zero.yaml", "zero.yaml", "no table of requests"),
        ("trace.csv", "missing.yaml", "missing.yaml"),
        ("trace.csv", "none.yaml", "holds no deployments"),
        ("trace.csv", "stopped.yaml", "may run nothing"),
    ],
)
def test_what_cannot_be_replayed_is_refused_with_the_way_out(
    files: Path, cli: Cli, trace: str, file: str, message: str
) -> None:
    (files / "none.yaml").write_text(VERSION)
    (files / "stopped.yaml").write_text((DEPLOYMENT % 0) + "  state: stopped\n")
    ran = cli("plan", "--replay", str(files / trace), "-f", str(files / file), *ALL_GIVEN)
    assert ran.code == 1
    assert message in ran.err

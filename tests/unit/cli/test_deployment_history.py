import json
import time

import pytest

from tests.fakes.api import ScriptedApi
from tests.unit.cli.conftest import Cli

START = {
    "at": 1_700_000_000.0,
    "node_id": "n1",
    "node_name": "rack7",
    "replica_id": "r1",
    "revision": 3,
    "queue_seconds": 0.0042,
    "place_seconds": 0.0,
    "image_seconds": 95.4,
    "create_seconds": 0.31,
    "load_seconds": 8.125,
    "warm_up_seconds": 0.5,
    "engine_seconds": 0.3,
    "total_seconds": 104.3392,
    "platform_seconds": 0.0142,
    "problem": "",
}
MADE = {
    "at": 1_700_000_000.0,
    "node_id": "n1",
    "node_name": "rack7",
    "before": 1,
    "replicas": 3,
    "wanted": 4,
    "driver": "concurrency",
    "reason": "concurrency asks for 4",
    "inputs": {"in_flight": 32.0, "queued": 0.0},
    "held_until": None,
}
HELD = {**MADE, "before": 3, "replicas": 3, "wanted": 1, "driver": "scale_down_delay", "held_until": 1_700_000_060.0}
MINUTE = {
    "minute": 1_700_000_040,
    "arrivals": 60,
    "completions": 50,
    "mean_service_seconds": 0.5,
    "waiting_seconds": 3.0,
    "peak_requests": 4,
    "peak_arrivals": 9,
    "tokens": 1000,
}


@pytest.fixture(autouse=True)
def _in_utc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()


def _page(*items: object) -> dict[str, object]:
    return {"items": list(items), "seq": 1, "next_cursor": None}


def test_starts_are_shown_with_each_part_and_homeports_own(api: ScriptedApi, cli: Cli) -> None:
    api.answer("GET", "deployments/chat/cold-starts", _page(START, {**START, "problem": "exit code 1"}))
    ran = cli("deployment", "cold-starts", "chat", "--limit", "7")
    assert ran.code == 0, ran.err
    headers, ready, failed = ran.out.splitlines()
    assert headers.split("  ")[0] == "TIME"
    assert ready.split() == (
        "2023-11-14 22:13:20 rack7 r3 4 ms 0 95 s 310 ms 8.12 s 500 ms 104 s 14 ms ready".split()  # noqa: SIM905
    )
    assert failed.endswith("failed (exit code 1)")
    assert api.asked[0].query == {"limit": "7"}


def test_changes_of_scale_say_what_drove_them(api: ScriptedApi, cli: Cli) -> None:
    api.answer("GET", "deployments/chat/scaling-history", _page(HELD, MADE))
    ran = cli("deployment", "scaling", "chat", "--hours", "1")
    held, made = ran.out.splitlines()[1:]
    assert "3, held 60 s  1       scale_down_delay" in held
    assert "1 -> 3" in made
    assert made.endswith("concurrency asks for 4  in_flight 32")
    assert float(api.asked[0].query["since"]) > 1_700_000_000.0


def test_traffic_as_csv_is_what_a_replay_reads(api: ScriptedApi, cli: Cli) -> None:
    api.answer("GET", "deployments/chat/traffic", _page(MINUTE))
    ran = cli("deployment", "traffic", "chat", "-o", "csv")
    assert ran.out == (
        "minute,arrivals,completions,mean_service_seconds,waiting_seconds,peak_requests,peak_arrivals,tokens\n"
        "2023-11-14T22:14Z,60,50,0.5,3.0,4,9,1000\n"
    )


FAULT = {
    "at": 1_700_000_000.0,
    "node_id": "n1",
    "node_name": "rack7",
    "replica_id": "0123456789ab",
    "revision": 3,
    "cause": "health check",
    "ejections": 1,
    "failed_checks": 4,
    "problem": "GET /well answered 500",
}


def test_faults_say_which_replica_was_out_and_why(api: ScriptedApi, cli: Cli) -> None:
    api.answer("GET", "deployments/chat/replica-faults", _page(FAULT))
    header, line = cli("deployment", "faults", "chat").out.splitlines()
    assert header.split()[1:3] == ["NODE", "REPLICA"]
    for part in ("rack7", "01234567 ", "r3", "health check", "GET /well answered 500"):
        assert part in line


@pytest.mark.parametrize("command", ["cold-starts", "scaling", "faults", "traffic"])
def test_each_is_there_as_json(api: ScriptedApi, cli: Cli, command: str) -> None:
    item = {"cold-starts": START, "scaling": MADE, "faults": FAULT, "traffic": MINUTE}[command]
    path = {"scaling": "scaling-history", "faults": "replica-faults"}.get(command, command)
    api.answer("GET", f"deployments/chat/{path}", _page(item))
    assert json.loads(cli("deployment", command, "chat", "-o", "json").out) == [item]

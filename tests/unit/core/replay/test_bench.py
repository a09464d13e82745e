"""bench.autoscale on a small trace: what it reports has to be there and to make sense."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[4]


def bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "bench.autoscale", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=100)


def test_every_policy_is_told_beside_the_oracle(tmp_path: Path) -> None:
    rows = [f"{number / 2},800,150" for number in range(600)]
    trace = tmp_path / "trace.csv"
    trace.write_text("\n".join(["arrival_seconds,context_tokens,generated_tokens", *rows]))
    done = bench("--trace", str(trace), "--cold-start", "5", "--nodes", "2", "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    policies = report["policies"]
    assert report["requests"] == 600
    assert {"oracle", "homeport", "homeport_2_nodes", "kpa", "hpa"} <= policies.keys()
    assert 0 < policies["oracle"]["replica_hours"] <= policies["homeport"]["replica_hours"]
    assert policies["homeport"]["violations_percent"] < 10


def test_a_file_without_requests_is_refused_with_what_is_wrong(tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    table.write_text("a,b\n1,2\n")
    done = bench("--trace", str(table), "--json")
    assert done.returncode != 0
    assert "arrival_seconds" in done.stderr
    assert bench("--trace", str(tmp_path / "none.csv")).returncode == 2

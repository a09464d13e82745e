"""From zero to the first token of the sample LLM, through gateway, tunnel and relay."""

import json
import tempfile
from pathlib import Path
from typing import Any

import yaml

from bench.cold_start.stage import percentile, stage
from tests.system.conftest import ROOT, SAMPLE_STAMP

_QUESTION = {"messages": [{"role": "user", "content": "Say hello."}], "max_tokens": 8, "stream": True}


def measure_language_model(count: int) -> dict[str, Any]:
    """Seconds."""
    assert SAMPLE_STAMP.exists(), "the sample model's environment is missing: make setup"
    documents = yaml.safe_load_all((ROOT / "examples" / "deployment.yaml").read_text())
    [version] = [each["model_version"] for each in documents if "model_version" in each]
    command = [str(ROOT / part) if (ROOT / part).exists() else part for part in version["command"]]
    kept = ("readiness", "inference_compute_info", "concurrency", "stop_grace_seconds")
    body = json.dumps(_QUESTION).encode()
    waits = []
    with tempfile.TemporaryDirectory() as folder, stage(Path(folder)) as site:
        site.start({"command": command, "driver": "process", **{key: version[key] for key in kept}})
        for _ in range(count):
            site.until_nothing_runs()
            waits.append(site.first_answer("/v1/chat/completions", body))
        starts = site.until_told(count)[-count:]
    loads = [start["load_seconds"] + start["warm_up_seconds"] for start in starts]
    return {
        "starts": count,
        "first_token_s": {"p50": round(percentile(waits, 50), 2), "worst": round(max(waits), 2)},
        "model_load_s": {"p50": round(percentile(loads, 50), 2), "worst": round(max(loads), 2)},
    }

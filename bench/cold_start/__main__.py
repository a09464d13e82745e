"""What Homeport adds to a start from zero.

python -m bench.cold_start [--only process,docker,llm] [--count 100] [--json]

Every start is that of a real request to a deployment of which nothing runs, through gateway, tunnel and agent. With
`process` and `docker` the model is a server that answers as soon as it runs, so that the time to its answer is
Homeport's own, but for what the engine takes. The marks are 100 ms at p99 (docker: beyond the engine's create and
start), and 2.5 s to the first token of the sample LLM on two cores.
"""

import argparse
import json
import os
from collections.abc import Callable
from typing import Any

from bench.cold_start.language_model import measure_language_model
from bench.cold_start.zero_load import measure_docker, measure_process

_MEASURES: dict[str, Callable[[int], dict[str, Any]]] = {
    "process": measure_process,
    "docker": measure_docker,
    "llm": lambda count: measure_language_model(max(3, count // 10)),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--only", default=",".join(_MEASURES), help="which, of %(default)s")
    parser.add_argument(
        "--count", type=int, default=100, help="starts of each; of the LLM a tenth (default %(default)s)"
    )
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    report: dict[str, Any] = {"machine": {"cores": os.cpu_count(), "load_1m": round(os.getloadavg()[0], 1)}}
    for name in arguments.only.split(","):
        report[name] = _MEASURES[name](arguments.count)
        if not arguments.json:
            _print(name, report[name])
    if arguments.json:
        print(json.dumps(report))
    else:
        _print("machine", report["machine"])


def _print(name: str, figures: dict[str, Any]) -> None:
    print(name)
    for figure, value in figures.items():
        text = "  ".join(f"{key} {each}" for key, each in value.items()) if isinstance(value, dict) else value
        print(f"  {figure:22} {text}", flush=True)


if __name__ == "__main__":
    main()

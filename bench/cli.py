"""CPU time of commands that talk to nobody, and of `import homeport`: what every use of the CLI and the SDK pays first.

python -m bench.cli [--json] [--runs 10]
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

_HOMEPORT = str(Path(sys.executable).with_name("homeport"))
_COMMANDS = {
    "python": [sys.executable, "-c", ""],
    "import homeport": [sys.executable, "-c", "import homeport"],
    "homeport --help": [_HOMEPORT, "--help"],
    "homeport version": [_HOMEPORT, "version"],
}


def cpu_ms(command: list[str]) -> float:
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{command} ended with code {process.returncode}")
    return (usage.ru_utime + usage.ru_stime) * 1000


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.cli", description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON object: medians in milliseconds")
    parser.add_argument("--runs", type=int, default=10)
    arguments = parser.parse_args()
    medians = {
        name: round(statistics.median(cpu_ms(command) for _ in range(arguments.runs)), 1)
        for name, command in _COMMANDS.items()
    }
    if arguments.json:
        print(json.dumps(medians))
        return
    for name, median in medians.items():
        print(f"{name:<18}{median:>8.1f} ms CPU")


if __name__ == "__main__":
    main()

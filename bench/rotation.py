"""Requests through a node whose certificate lives for ten seconds: `python -m bench.rotation --minutes 15`.

Prints one line of JSON: requests, lost ones, certificates issued. Exits with 1 when a request was lost.
"""

import argparse
import json
import sys
import tempfile
import threading
import time
import urllib.error
from dataclasses import asdict, dataclass, field
from pathlib import Path

from tests.system.site import Site

CERTIFICATE_SECONDS = 10
_CLIENTS = 4
_PAUSE_SECONDS = 0.02


@dataclass(slots=True)
class Figures:
    seconds: float = 0.0
    requests: int = 0
    lost: list[str] = field(default_factory=list)
    renewals: int = 0


def rotate(folder: Path, seconds: float) -> Figures:
    """Asks one deployment for so long, over and over, on several connections."""
    figures = Figures()
    with Site(folder, "--certificate-seconds", str(CERTIFICATE_SECONDS)) as site:
        site.start_all()
        end, lock = time.monotonic() + seconds, threading.Lock()

        def ask() -> None:
            number = 0
            while time.monotonic() < end:
                number += 1
                try:
                    problem = "" if site.ask(str(number))["body"] == str(number) else "another answer"
                except urllib.error.HTTPError as error:
                    problem = f"{error.code} {error.read().decode(errors='replace')}"
                    error.close()
                except (OSError, ValueError, KeyError) as error:
                    problem = f"{type(error).__name__}: {error}"
                with lock:
                    figures.requests += 1
                    if problem:
                        figures.lost.append(problem)
                time.sleep(_PAUSE_SECONDS)

        clients = [threading.Thread(target=ask) for _ in range(_CLIENTS)]
        began = time.monotonic()
        for client in clients:
            client.start()
        for client in clients:
            client.join()
        figures.seconds = round(time.monotonic() - began, 1)
        figures.renewals = (folder / "agent.log").read_text().count("certificate renewed")
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=15.0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        figures = rotate(Path(folder), options.minutes * 60)
    print(json.dumps(asdict(figures) | {"lost": len(figures.lost), "why": sorted(set(figures.lost))}))
    sys.exit(1 if figures.lost else 0)


if __name__ == "__main__":
    main()

"""The API against its own OpenAPI document, with requests that schemathesis makes from it.

Here it is short and the same each time. A long run:
HOMEPORT_FUZZ_EXAMPLES=100 pytest tests/conformance/api/test_fuzz.py
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = [pytest.mark.system, pytest.mark.timeout(3600)]

EXAMPLES = int(os.environ.get("HOMEPORT_FUZZ_EXAMPLES", "0"))
# JSON Schema cannot say all that must hold between fields, so a request may fit it and be refused.
NOT_CHECKED = "positive_data_acceptance"
# A WebSocket, and a stream that never ends: tests/unit/controlplane/api/test_watch.py has them.
NOT_ASKED = "^/api/v1/watch"


@pytest.fixture
def server() -> Iterator[tuple[str, str]]:
    """Address and token."""
    command = [sys.executable, "-m", "tests.conformance.api.server"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        address, token = process.stdout.readline().split()
        yield address, token
        process.stdin.close()


def test_no_request_breaks_what_the_document_promises(server: tuple[str, str], tmp_path: Path) -> None:
    address, token = server
    phases = "coverage,fuzzing" if EXAMPLES else "fuzzing"
    ran = subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli", "run", f"{address}/api/v1/openapi.json"),
            *("-H", f"Authorization: Bearer {token}", "--checks", "all", "--exclude-checks", NOT_CHECKED),
            *("--exclude-path-regex", NOT_ASKED, "--phases", phases, "--max-examples", str(EXAMPLES or 2)),
            *("--request-timeout", "60", "--no-color", "--generation-deterministic"),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stdout[-10_000:] + ran.stderr[-2000:]

"""One failure of a replica: what is known of it, and how it is kept in a file."""

import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime


@dataclass(frozen=True, slots=True)
class Failure:
    """`number` counts the failures of its replica from 1; `at` is unix seconds."""

    deployment_id: str
    replica_id: str
    number: int
    at: float
    reason: str

    def encode(self, output: bytes) -> bytes:
        """One line of JSON, then the output as it was."""
        return json.dumps(asdict(self)).encode() + b"\n" + output

    def heading(self) -> str:
        time = datetime.fromtimestamp(self.at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        return f"== failure {self.number} of replica {self.replica_id}, {time}: {self.reason}"


def decode(line: bytes) -> Failure | None:
    """From the first line of a file; None when it holds none."""
    try:
        return Failure(**json.loads(line))
    except (ValueError, TypeError):
        return None

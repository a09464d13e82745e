"""Files of requests, as arrivals and how long a replica works on each."""

import csv
from datetime import datetime
from pathlib import Path

from homeport.core.replay.arrival import Arrival

DATA = Path(__file__).parents[3] / "shared" / "data"
CONVERSATIONS = DATA / "azure-llm" / "AzureLLMInferenceTrace_conv.csv"
# What a model reads and writes per second, of the recipe.
_CONTEXT_TOKENS_PER_SECOND = 8000.0
_SECONDS_PER_GENERATED_TOKEN = 0.03


def read_trace(path: Path) -> list[Arrival]:
    """Azure's columns (TIMESTAMP, ContextTokens, GeneratedTokens) or arrival_seconds, context_tokens, generated_tokens.
    Raises SystemExit that says what is wrong with the file."""
    with path.open(newline="") as file:
        reader = csv.DictReader(file)
        columns = set(reader.fieldnames or ())
        if {"TIMESTAMP", "ContextTokens", "GeneratedTokens"} <= columns:
            time, context, generated = "TIMESTAMP", "ContextTokens", "GeneratedTokens"
        elif {"arrival_seconds", "context_tokens", "generated_tokens"} <= columns:
            time, context, generated = "arrival_seconds", "context_tokens", "generated_tokens"
        else:
            raise SystemExit(
                f"{path}: expected the columns TIMESTAMP, ContextTokens, GeneratedTokens or "
                f"arrival_seconds, context_tokens, generated_tokens; found {', '.join(sorted(columns)) or 'none'}"
            )
        arrivals = []
        for row in reader:
            try:
                at = float(row[time]) if time == "arrival_seconds" else _seconds(row[time])
                arrivals.append(Arrival(at, _service_seconds(float(row[context]), float(row[generated]))))
            except (TypeError, ValueError) as error:
                raise SystemExit(f"{path}, line {reader.line_num}: {error}") from error
    if not arrivals:
        raise SystemExit(f"{path}: holds no request")
    arrivals.sort()
    first = arrivals[0].at
    return [Arrival(at - first, seconds) for at, seconds in arrivals]


def _seconds(timestamp: str) -> float:
    # Azure writes seven digits after the point, the standard library reads six.
    return datetime.fromisoformat(timestamp[:26]).timestamp()


def _service_seconds(context_tokens: float, generated_tokens: float) -> float:
    return context_tokens / _CONTEXT_TOKENS_PER_SECOND + generated_tokens * _SECONDS_PER_GENERATED_TOKEN

"""Files of requests, in the forms that `homeport plan --replay` reads."""

from pathlib import Path
from random import Random

from homeport.core.errors import HomeportError
from homeport.core.replay.arrival import Arrival
from homeport.core.replay.trace import read_trace

DATA = Path(__file__).parents[3] / "shared" / "data"
CONVERSATIONS = DATA / "azure-llm" / "AzureLLMInferenceTrace_conv.csv"
_SEED = 1


def read(path: Path) -> list[Arrival]:
    """Raises SystemExit that says what is wrong with the file."""
    with path.open(newline="") as file:
        try:
            return list(read_trace(file, Random(_SEED).random).arrivals)
        except HomeportError as error:
            raise SystemExit(f"{path}: {error} ({error.hint})") from error

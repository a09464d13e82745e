"""Files of requests, as arrivals and how long a replica works on each."""

from pathlib import Path
from random import Random

from homeport.core.errors import HomeportError
from homeport.core.replay.arrival import Arrival
from homeport.core.replay.trace import read_trace as read_lines

DATA = Path(__file__).parents[3] / "shared" / "data"
CONVERSATIONS = DATA / "azure-llm" / "AzureLLMInferenceTrace_conv.csv"
# Of a table that tells minutes only: the same moments in each run.
_SEED = 0


def read_trace(path: Path) -> list[Arrival]:
    """In any of the forms of homeport.core.replay.trace. Raises SystemExit that says what is wrong with the file."""
    with path.open(newline="") as file:
        try:
            return list(read_lines(file, Random(_SEED).random).arrivals)
        except HomeportError as error:
            where = f"{path}, {error.path}" if error.path else str(path)
            raise SystemExit(f"{where}: {error.message}; {error.hint}") from None

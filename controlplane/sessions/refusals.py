"""What agents have refused to start lately."""

from collections.abc import Callable, Collection, Iterable

from homeport.core.refusal import Refusal

# For so long a node is not given what it has refused.
MEMORY_SECONDS = 300.0


class Refusals:
    """A refused placement is taken away, and the refusal ends with it: what is remembered keeps it from coming back."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        # Of each deployment, by node: what was refused, and when that was said last.
        self._said: dict[str, dict[str, tuple[Refusal, float]]] = {}

    def note(self, node_id: str, refused: Iterable[Refusal]) -> None:
        now = self._monotonic()
        for refusal in refused:
            self._said.setdefault(refusal.deployment_id, {})[node_id] = (refusal, now)

    def deployments(self) -> Collection[str]:
        """Of which something may be remembered."""
        return self._said.keys()

    def of(self, deployment_id: str) -> dict[str, Refusal]:
        """Of the last minutes, by node."""
        said = self._said.get(deployment_id)
        if said is None:
            return {}
        oldest = self._monotonic() - MEMORY_SECONDS
        recent = {node_id: each for node_id, each in said.items() if each[1] >= oldest}
        self._said[deployment_id] = recent
        if not recent:
            del self._said[deployment_id]
        return {node_id: refusal for node_id, (refusal, _) in recent.items()}

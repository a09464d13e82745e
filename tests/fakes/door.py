"""Who may have a tunnel, as a test says."""

from collections.abc import Callable

from homeport.core.node_identity import Refusal, Shown


class FakeDoor:
    """Lets in whom `admit(node_id, epoch)` lets in, until `refused` names its node."""

    def __init__(self, admit: Callable[[str, int], bool] = lambda node_id, epoch: True) -> None:
        self.admit = admit
        self.refused: dict[str, Refusal] = {}

    def refusal(self, shown: Shown, epoch: int) -> Refusal | None:
        return None if self.admit(shown.node_id, epoch) else Refusal.SUPERSEDED

    def refusal_of_open(self, shown: Shown) -> Refusal | None:
        return self.refused.get(shown.node_id)

"""Which pressure is to be told now: at once when it has changed, and again before what was told is forgotten."""

from collections.abc import Mapping

# The control plane forgets it 30 s after it was told last.
_AGAIN_SECONDS = 10.0


class PressureTeller:
    """For one session: the control plane of a new one knows of nothing."""

    def __init__(self) -> None:
        # By deployment: what was told last, and when.
        self._told: dict[str, tuple[int, float]] = {}

    def due(self, pressure: Mapping[str, int], now: float) -> dict[str, int]:
        """By deployment; 0 = it is over."""
        due = {id: 0 for id in self._told if id not in pressure}
        for id, value in pressure.items():
            told = self._told.get(id)
            if told is None or told[0] != value or now - told[1] >= _AGAIN_SECONDS:
                due[id] = value
        for id, value in due.items():
            self._told[id] = (value, now)
            if not value:
                del self._told[id]
        return due

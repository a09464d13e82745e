"""Where deployments lack room, as agents tell. In memory: they tell it again."""

from collections.abc import Callable, Collection, Mapping

from homeport.core.placement.pressure import LIFE_SECONDS, Pressure, cap_of, heard, is_over, relieved


class Pressures:
    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        # Of each deployment, by node.
        self._of: dict[str, dict[str, Pressure]] = {}

    def note(self, node_id: str, deployment_id: str, value: float) -> None:
        by_node = self._of.get(deployment_id, {})
        if value > 0 or node_id in by_node:
            self._of[deployment_id] = {
                **by_node,
                node_id: heard(by_node.get(node_id, Pressure()), max(0.0, value), self._monotonic()),
            }

    def relieve(self, deployment_id: str, held: Mapping[str, int]) -> None:
        """`held` are its maxima by node: where it has lacked room for long enough it is to have less."""
        if deployment_id not in self._of:
            return
        now = self._monotonic()
        after = {id: relieved(each, held.get(id, 0), now) for id, each in self._of[deployment_id].items()}
        self._of[deployment_id] = {id: each for id, each in after.items() if not is_over(each, now)}
        if not self._of[deployment_id]:
            del self._of[deployment_id]

    def caps(self, deployment_id: str) -> dict[str, int]:
        """By node: how many replicas it may have there at most."""
        now, by_node = self._monotonic(), self._of.get(deployment_id, {})
        caps = {id: cap_of(each, now) for id, each in by_node.items()}
        return {id: cap for id, cap in caps.items() if cap is not None}

    def now(self, deployment_id: str) -> dict[str, float]:
        """By node: how many replicas it lacks there."""
        now, by_node = self._monotonic(), self._of.get(deployment_id, {})
        return {id: each.value for id, each in by_node.items() if each.value and now - each.told_at <= LIFE_SECONDS}

    def deployments(self) -> Collection[str]:
        """That lack room somewhere, or did lately."""
        return self._of.keys()

    def matter(self, deployment_id: str) -> bool:
        """Whether time could change what follows from them."""
        return deployment_id in self._of

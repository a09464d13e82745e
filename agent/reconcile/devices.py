"""Which GPUs the replicas of this node hold, and which are left for one more: the agent's own account."""

from collections import Counter
from collections.abc import Iterable

from agent.placement import Placement
from homeport.core.resources import DeviceShare

_WHOLE = 1000


class Devices:
    """`held` are (placement id, uuids, milli of each) of all replicas that are not gone. `unusable` are given to
    nobody."""

    def __init__(
        self, held: Iterable[tuple[str, tuple[str, ...], int]], unusable: frozenset[str] = frozenset()
    ) -> None:
        self._unusable = unusable
        self._used: Counter[str] = Counter()
        self._slots: Counter[tuple[str, str]] = Counter()
        for placement_id, uuids, milli in held:
            for uuid in uuids:
                self._note(placement_id, uuid, milli)

    def take(self, placement: Placement) -> tuple[DeviceShare, ...] | None:
        """For one more replica, out of what the placement was given; None when too much of it is in use."""
        needed = placement.workload.needs.accelerators
        given = Counter(share.gpu_uuid for share in placement.devices)
        free: dict[str, DeviceShare] = {}
        for share in placement.devices:
            uuid = share.gpu_uuid
            if uuid in self._unusable:
                continue
            is_its_own = self._slots[placement.placement_id, uuid] < given[uuid]
            if is_its_own and self._used[uuid] + share.compute_milli <= _WHOLE:
                free.setdefault(uuid, share)
        if len(free) < needed:
            return None
        taken = tuple(free.values())[:needed]
        for share in taken:
            self._note(placement.placement_id, share.gpu_uuid, share.compute_milli)
        return taken

    def _note(self, placement_id: str, uuid: str, milli: int) -> None:
        self._used[uuid] += milli
        self._slots[placement_id, uuid] += 1

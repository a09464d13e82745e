"""Which GPUs the replicas of this node hold, and which are left for one more: the agent's own account."""

from collections import Counter
from collections.abc import Iterable

from agent.placement import Placement
from homeport.core.refusal import Refusal, RefusalCode
from homeport.core.resources import DeviceShare

_WHOLE = 1000


class Devices:
    """`held` are (placement id, uuids, milli of each) of all replicas that are not gone. `unusable` are given to
    nobody."""

    def __init__(self, held: Iterable[tuple[str, tuple[str, ...], int]], unusable: frozenset[str]) -> None:
        self._unusable = unusable
        self._used: Counter[str] = Counter()
        self._slots: Counter[tuple[str, str]] = Counter()
        for placement_id, uuids, milli in held:
            for uuid in uuids:
                self._note(placement_id, uuid, milli)

    def take(self, placement: Placement) -> tuple[DeviceShare, ...] | None:
        """For one more replica, out of what the placement was given; None when too much of it is in use."""
        given = Counter(share.gpu_uuid for share in placement.devices)
        free: dict[str, DeviceShare] = {}
        for share in placement.devices:
            is_left = self._slots[placement.placement_id, share.gpu_uuid] < given[share.gpu_uuid]
            if is_left and self._obstacle(share) is None:
                free.setdefault(share.gpu_uuid, share)
        needed = placement.workload.needs.accelerators
        if len(free) < needed:
            return None
        taken = tuple(free.values())[:needed]
        for share in taken:
            self._note(placement.placement_id, share.gpu_uuid, share.compute_milli)
        return taken

    def refusal(self, placement: Placement) -> Refusal | None:
        """Why nothing of the placement can be started; None when it was given too little to begin with."""
        for share in placement.devices:
            obstacle = self._obstacle(share)
            if obstacle is not None:
                need = f"{share.compute_milli / 10:g} % of {share.gpu_uuid}"
                return Refusal(placement.deployment_id, obstacle[0], need, obstacle[1])
        return None

    def _obstacle(self, share: DeviceShare) -> tuple[RefusalCode, str] | None:
        uuid = share.gpu_uuid
        if uuid in self._unusable:
            return RefusalCode.DEVICES_UNUSABLE, "in quarantine"
        if self._used[uuid] + share.compute_milli > _WHOLE:
            left = max(0, _WHOLE - self._used[uuid]) / 10
            return RefusalCode.DEVICES_HELD, f"{left:g} % of it left, by the agent's account"
        return None

    def _note(self, placement_id: str, uuid: str, milli: int) -> None:
        self._used[uuid] += milli
        self._slots[placement_id, uuid] += 1

"""Nodes that step back: those whose attempts are lost again and again get nothing for a while."""

from homeport.core.balance.ejection import Failure, Standing, after_failure, after_success

# (deployment id, node id)
Key = tuple[str, str]

# What is older than this has nothing to say of now.
_REMEMBERED_SECONDS = 600.0


class NodeStandings:
    """Of nodes that are not sound. Times are those of the gateway's clock."""

    def __init__(self) -> None:
        self._standings: dict[Key, Standing] = {}
        self._changed_at: dict[Key, float] = {}
        self._out: set[Key] = set()

    def __contains__(self, key: object) -> bool:
        return key in self._standings

    def is_out(self, key: Key) -> bool:
        return key in self._out

    def lost(self, key: Key, started_at: float, now: float) -> bool:
        """An attempt of a request that began at `started_at`. True: the node steps back for it."""
        before = self._standings.get(key)
        after = self._standings[key] = after_failure(before, Failure.ATTEMPT_LOST, started_at, now)
        self._changed_at[key] = now
        if after.ejections == (before.ejections if before is not None else 0):
            return False
        self._out.add(key)
        return True

    def answered(self, key: Key, started_at: float) -> bool:
        """True: it is sound again."""
        standing = self._standings.get(key)
        if standing is None or after_success(standing, started_at) is not None:
            return False
        self._forget(key)
        return True

    def back(self, now: float) -> set[str]:
        """Deployments of which a node may be tried again from now on."""
        back = {key for key in self._out if not self._standings[key].is_out(now)}
        self._out -= back
        for key in [key for key, at in self._changed_at.items() if now - at > _REMEMBERED_SECONDS]:
            self._forget(key)
        return {deployment_id for deployment_id, _ in back}

    def _forget(self, key: Key) -> None:
        del self._standings[key], self._changed_at[key]
        self._out.discard(key)

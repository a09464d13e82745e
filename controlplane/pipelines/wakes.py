"""Deployments for which somebody waits at a gateway, while none of their nodes is connected."""

from collections.abc import Callable

from controlplane.store.store import Kind, Store
from homeport.core.rollout.track import deployment_of
from homeport.schema.deployment import DeploymentSpec


class Wakes:
    """Each holds for as long as a request of the deployment may wait; for later ones the gateway asks anew."""

    def __init__(self, store: Store, monotonic: Callable[[], float]) -> None:
        # Called when a deployment is waited for that was not before.
        self.on_wake: Callable[[], None] | None = None
        self._store = store
        self._monotonic = monotonic
        self._until: dict[str, float] = {}

    def hear(self, *deployment_ids: str) -> None:
        """Or of tracks of them."""
        for deployment_id in deployment_ids:
            self._hear(deployment_of(deployment_id))

    def _hear(self, deployment_id: str) -> None:
        deployment = self._store.get(Kind.DEPLOYMENT, deployment_id)
        if deployment is None:
            return
        now = self._monotonic()
        was_awaited = self.is_awaited(deployment_id)
        self._until = {key: until for key, until in self._until.items() if until > now}
        self._until[deployment_id] = now + DeploymentSpec.model_validate(deployment.spec).hold_seconds
        if not was_awaited and self.on_wake is not None:
            self.on_wake()

    def awaited(self) -> set[str]:
        now = self._monotonic()
        return {deployment_id for deployment_id, until in self._until.items() if until > now}

    def is_awaited(self, deployment_id: str) -> bool:
        return self._until.get(deployment_id, 0.0) > self._monotonic()

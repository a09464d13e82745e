"""Opens what the control plane has sealed for this node."""

import asyncio
import json
import sys
from collections.abc import Callable, Sequence

from agent.placement import Placement
from agent.policy import POLICY_FILE, HostPolicy
from agent.secrets.replica_secrets import NO_SECRETS, ReplicaSecrets, SecretsMissing, replica_secrets
from homeport.core.secrets import Values
from homeport.core.workload import Workload

_SECONDS = 30.0


class Opener:
    """`keys` gives this node's private keys (PEM): that of its certificate, and the one before, which what is on the
    disk may still be sealed to."""

    def __init__(self, node_id: str, keys: Callable[[], Sequence[bytes]], policy: HostPolicy) -> None:
        self._node_id = node_id
        self._keys = keys
        self._policy = policy

    async def open(self, workload: Workload, placement: Placement | None) -> ReplicaSecrets:
        """For a replica that is about to start. `placement` is what is known of its placement now. Raises
        SecretsMissing."""
        if not workload.secrets_needed():
            return NO_SECRETS
        if not self._policy.secrets:
            raise SecretsMissing(f"secrets are not allowed on this host; to allow them, set them true in {POLICY_FILE}")
        if placement is None or not placement.secrets.box:
            raise SecretsMissing("the control plane has not sent its secrets yet")
        values = await self._values(placement)
        if not values:
            raise SecretsMissing("its secrets are sealed to another key than this node's; they come anew with the link")
        return replica_secrets(workload, values)

    async def _values(self, placement: Placement) -> Values:
        order = {
            "keys": [key.decode() for key in self._keys()],
            "node_id": self._node_id,
            "placement_id": placement.placement_id,
            "key_id": placement.secrets.key_id,
            "box": placement.secrets.box,
        }
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "agent.secrets.boxes", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
        )
        try:
            async with asyncio.timeout(_SECONDS):
                output, _ = await child.communicate(json.dumps(order).encode())
        except BaseException as error:
            child.kill()
            await child.wait()
            if isinstance(error, TimeoutError):
                raise SecretsMissing(f"its secrets could not be opened within {_SECONDS:g} s") from None
            raise
        values: Values = json.loads(output) if child.returncode == 0 else {}
        return values

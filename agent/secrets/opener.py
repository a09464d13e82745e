"""Opens what the control plane has sealed for this node."""

import asyncio
import json
import subprocess
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
        try:
            output = await asyncio.to_thread(_ask_child, json.dumps(order).encode())
        except (OSError, subprocess.SubprocessError) as error:
            # Its words may hold what it was given.
            raise SecretsMissing(f"its secrets could not be opened ({type(error).__name__})") from None
        values: Values = json.loads(output)
        return values


def _ask_child(order: bytes) -> bytes:
    command = [sys.executable, "-m", "agent.secrets.boxes"]
    return subprocess.run(command, input=order, stdout=subprocess.PIPE, timeout=_SECONDS, check=True).stdout

"""Whether this machine's agent has joined this control plane."""

import json
import shutil
from typing import Any

from homeport.cli.dev.replica_processes import kill_replicas
from homeport.cli.dev.settings import DevSettings
from homeport.client.sync_client import Client
from homeport.core.errors import ErrorCode, HomeportError


class Enrolment:
    """A note beside the agent's state. Another store, or another port for sessions, asks for joining anew."""

    def __init__(self, settings: DevSettings, store_id: str) -> None:
        self._path = settings.data_dir / "enrolled.json"
        self._agent_dir = settings.agent_dir
        self._home = {"store_id": store_id, "session_port": settings.ports.session}

    def holds(self) -> bool:
        noted = self._noted()
        return self._agent_dir.is_dir() and {key: noted.get(key) for key in self._home} == self._home

    def forget(self, client: Client) -> None:
        """What the agent kept is of no use any more, and its node would only be waited for."""
        noted = self._noted()
        kill_replicas(self._agent_dir)
        self._path.unlink(missing_ok=True)
        if self._agent_dir.exists():
            shutil.rmtree(self._agent_dir)
        if noted.get("store_id") == self._home["store_id"]:
            _delete_node(client, noted["node_id"])

    def note(self, node_id: str) -> None:
        self._path.write_text(json.dumps({**self._home, "node_id": node_id}))

    def _noted(self) -> dict[str, Any]:
        try:
            noted = json.loads(self._path.read_text())
        except (FileNotFoundError, ValueError):
            return {}
        return noted if isinstance(noted, dict) else {}


def _delete_node(client: Client, node_id: str) -> None:
    try:
        client.nodes.delete(node_id)
    except HomeportError as error:
        if error.code is not ErrorCode.NOT_FOUND:
            raise

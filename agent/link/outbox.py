"""What waits to be said to the control plane. Newer news of one thing replaces older, so it stays small."""

import asyncio

from homeport_proto.v1 import session_pb2 as pb

from agent.link.history_wire import history_to_wire
from agent.link.wire import inventory_to_wire, replica_to_wire
from homeport.core.history.entry import Page
from homeport.core.resources import Inventory
from homeport.core.status import ReplicaReport


class Outbox:
    """Written by the agent, drained by the one writer of the stream."""

    def __init__(self) -> None:
        self._replicas: dict[str, pb.ReplicaState] = {}
        self._inventory: pb.Inventory | None = None
        self._heartbeat: pb.Heartbeat | None = None
        self._history: pb.History | None = None
        self._others: list[pb.AgentMessage] = []
        self._filled = asyncio.Event()

    def replica(self, report: ReplicaReport) -> None:
        self._replicas[report.replica_id] = replica_to_wire(report)
        self._filled.set()

    def inventory(self, inventory: Inventory) -> None:
        self._inventory = inventory_to_wire(inventory)
        self._filled.set()

    def heartbeat(self, heartbeat: pb.Heartbeat) -> None:
        self._heartbeat = heartbeat
        self._filled.set()

    def history(self, page: Page) -> None:
        self._history = history_to_wire(page)
        self._filled.set()

    def ack(self, ack: pb.Ack) -> None:
        self._others.append(pb.AgentMessage(ack=ack))
        self._filled.set()

    def pressure(self, deployment_id: str, value: float) -> None:
        self._others.append(pb.AgentMessage(pressure=pb.Pressure(deployment_id=deployment_id, value=value)))
        self._filled.set()

    def denials(self, denials: pb.Denials) -> None:
        self._others.append(pb.AgentMessage(denials=denials))
        self._filled.set()

    def leases(self, report_json: str) -> None:
        self._others.append(pb.AgentMessage(lease_report=pb.LeaseReport(report_json=report_json)))
        self._filled.set()

    def answer(self, answer: pb.Answer) -> None:
        self._others.append(pb.AgentMessage(answer=answer))
        self._filled.set()

    async def take(self) -> list[pb.AgentMessage]:
        """Waits for something to say. The heartbeat comes first: nothing may delay the proof of life."""
        await self._filled.wait()
        self._filled.clear()
        messages = [pb.AgentMessage(heartbeat=self._heartbeat)] if self._heartbeat else []
        if self._inventory:
            messages.append(pb.AgentMessage(inventory=self._inventory))
        if self._replicas:
            messages.append(pb.AgentMessage(replica_status=pb.ReplicaStatus(replicas=self._replicas.values())))
        messages += self._others
        if self._history:
            messages.append(pb.AgentMessage(history=self._history))
        self._heartbeat, self._inventory, self._replicas, self._others = None, None, {}, []
        self._history = None
        return messages

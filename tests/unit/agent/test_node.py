"""The order of persisting, acting and acknowledging."""

from pathlib import Path
from typing import cast

import pytest

from agent.fingerprint.gather import Fingerprint
from agent.health.gpu_quarantine import GpuQuarantine
from agent.history.shipper import Shipper
from agent.link.bulk import LogPusher
from agent.link.messages import LogsQuestion, Welcome
from agent.node import AgentNode
from agent.placement import DesiredState, DesiredUpdate, Placement, Removals, Unlisted, Version
from agent.reconcile.loop import Reconciler
from agent.relay.gateways import Gateways
from agent.scaling.autoscaler import Autoscaler
from agent.serving import Serving
from agent.state.database import StateDatabase
from agent.state.desired import DesiredStateStore
from agent.state.epoch import EpochStore
from agent.state.gateway_targets import GatewayTargetStore
from agent.state.gpu_records import GpuRecords
from homeport.core.errors import ErrorCode, HomeportError
from homeport.core.workload import Workload

PLACEMENT = Placement("p", "chat", 1, 0, 0, 1, Workload("process"), "h")


class Parts:
    """Stands in for everything that acts."""

    def __init__(self) -> None:
        self.acted_on: list[DesiredState] = []
        self.with_replicas: frozenset[str] = frozenset()
        self.gateways: list[str] = []
        self.questions: list[tuple[str, str]] = []

    def set_desired(self, desired: DesiredState) -> None:
        self.acted_on.append(desired)

    def placements_with_replicas(self) -> frozenset[str]:
        return self.with_replicas

    def begin(self, question: LogsQuestion, target: str) -> str:
        self.questions.append((question.question_id, target))
        return ""


class FailingStore(DesiredStateStore):
    full = False

    async def save(self, state: DesiredState) -> None:
        if self.full:
            raise HomeportError(ErrorCode.STORAGE_FULL, "disk full")
        await super().save(state)


class TestNode:
    @pytest.fixture(autouse=True)
    def _node(self, tmp_path: Path) -> None:
        database = StateDatabase.open_inline(tmp_path / "state.db")
        self.store, self.epochs = FailingStore(database), EpochStore(database)
        self.parts = Parts()
        self.node = AgentNode(
            session_target="cp:8443",
            store=self.store,
            reconciler=cast(Reconciler, self.parts),
            autoscaler=cast(Autoscaler, self.parts),
            serving=cast(Serving, _Silent()),
            fingerprint=Fingerprint(tmp_path, ()),
            quarantine=GpuQuarantine(GpuRecords(database), lambda: 0.0, lambda: None),
            logs=cast(LogPusher, self.parts),
            shipper=cast(Shipper, _Silent()),
            epochs=self.epochs,
            epoch_granted=lambda: 0,
            gateways=Gateways(GatewayTargetStore(database), "cp:8443", self.parts.gateways.extend),
        )

    async def test_what_is_acknowledged_is_on_the_disk_and_acted_on(self) -> None:
        ack = await self.node.update_desired(DesiredUpdate(Version("s", 5), True, (PLACEMENT,)))
        assert ack is not None
        assert ack.applied == Version("s", 5)
        assert await self.store.load() == self.parts.acted_on[-1] == self.node.desired

    async def test_what_cannot_be_persisted_is_neither(self) -> None:
        self.store.full = True
        with pytest.raises(HomeportError):
            await self.node.update_desired(DesiredUpdate(Version("s", 5), True, (PLACEMENT,)))
        assert self.parts.acted_on == []
        assert self.node.desired == DesiredState()

    async def test_stale_news_has_no_effect(self) -> None:
        await self.node.update_desired(DesiredUpdate(Version("s", 5), True, (PLACEMENT,)))
        assert await self.node.update_desired(DesiredUpdate(Version("s", 4), False, removed=("p",))) is None
        assert await self.node.confirm_removals(Removals(Version("s", 4), ("p",))) is None
        assert len(self.parts.acted_on) == 1

    async def test_a_restored_store_asks_before_anything_stops(self) -> None:
        await self.node.update_desired(DesiredUpdate(Version("s", 50), True, (PLACEMENT,)))
        ack = await self.node.update_desired(DesiredUpdate(Version("restored", 2), True))
        assert ack is not None
        assert ack.unlisted == Unlisted(foreign=("p",))
        assert self.node.desired.placements.keys() == {"p"}
        assert await self.node.confirm_removals(Removals(Version("restored", 2), ("p",))) is None
        assert self.node.desired.placements.keys() == {"p"}
        assert await self.node.confirm_removals(Removals(Version("restored", 2), ("p",), deliberate=True)) is not None
        assert self.node.desired.placements == {}

    async def test_a_replica_of_nobody_is_asked_about(self) -> None:
        self.parts.with_replicas = frozenset({"lost"})
        ack = await self.node.update_desired(DesiredUpdate(Version("s", 5), True))
        assert ack is not None
        assert ack.unlisted == Unlisted(foreign=("lost",))

    async def test_targets_without_a_host_are_where_home_is(self) -> None:
        self.node.welcomed(Welcome(1, 2.0, "1.0", (":8444", "gw:9000"), ":8443"))
        assert self.parts.gateways == ["cp:8444", "gw:9000"]
        assert self.node.asked_for_logs(LogsQuestion("q", "r", 5, False)) == ""
        assert self.parts.questions == [("q", "cp:8443")]


class _Silent:
    def set_desired(self, desired: DesiredState) -> None:
        pass

    def welcomed(self, features: tuple[str, ...]) -> None:
        pass

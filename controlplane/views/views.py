"""All topics, kept current: what is touched is noted at once and shown anew before the next read."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any

import structlog

from controlplane.auth.places import REPLICA
from controlplane.fleet.catalogue import catalogue
from controlplane.fleet.deployment_state import deployment_state, placement_status
from controlplane.fleet.instance_types import shape_of
from controlplane.fleet.nodes import inventory_of, node_state
from controlplane.fleet.revisions import current_revision
from controlplane.sessions.registry import NodeRegistry
from controlplane.store.store import Change, Kind, Record, Store
from controlplane.views.objects import (
    access_token_object,
    envelope,
    instance_type_object,
    join_token_object,
    node_facts,
    replica_object,
    secret_object,
)
from controlplane.views.running import Placements, Replicas
from controlplane.views.shapes import NodeShapes
from controlplane.views.topic import Item, MomentaryItem, Stamp, Topic
from homeport.core.errors import ErrorCode, HomeportError

log = structlog.get_logger()

# The name of each topic, which is that of its list, and the kind of what is in it. Replicas are in no store.
TOPICS: dict[str, str] = {
    "projects": Kind.PROJECT,
    "secrets": Kind.SECRET,
    "instance-types": Kind.INSTANCE_TYPE,
    "clusters": Kind.CLUSTER,
    "nodepools": Kind.NODEPOOL,
    "nodes": Kind.NODE,
    "models": Kind.MODEL,
    "model-versions": Kind.MODEL_VERSION,
    "deployments": Kind.DEPLOYMENT,
    "placements": Kind.PLACEMENT,
    "replicas": REPLICA,
    "join-tokens": Kind.JOIN_TOKEN,
    "users": Kind.USER,
    "service-accounts": Kind.SERVICE_ACCOUNT,
    "teams": Kind.TEAM,
    "role-bindings": Kind.ROLE_BINDING,
    "access-tokens": Kind.ACCESS_TOKEN,
}
# The event loop is held no longer than this in one go.
_TURN_SECONDS = 0.004


class Views:
    """`monotonic` is the registry's clock. The store must be open before the first `refresh`."""

    def __init__(self, store: Store, registry: NodeRegistry, monotonic: Callable[[], float], gateway_url: str) -> None:
        self.topics = {name: Topic(name, kind) for name, kind in TOPICS.items()}
        # The store's seq that the topics show; of what they showed at first, `loaded_seq`.
        self.seq = -1
        self.loaded_seq = -1
        self._store = store
        self._registry = registry
        self._monotonic = monotonic
        self._gateway_url = gateway_url
        self._by_kind = {topic.kind: topic for topic in self.topics.values()}
        self._placements = Placements()
        self._replicas = Replicas()
        self._shapes = NodeShapes()
        self._node_names: dict[str, str] = {}
        self._count = 0
        self._refreshing = asyncio.Lock()
        self._changes: AsyncIterator[list[Change]] | None = None
        # Ordered sets: of nodes whose agents said something, of (kind, id) to be shown anew.
        self._stirred: OrderedDict[str, None] = OrderedDict()
        self._touched: OrderedDict[tuple[str, str], None] = OrderedDict()
        registry.listeners.append(self._hear)

    @property
    def moment(self) -> Stamp:
        return (self.seq, self._count)

    def of(self, kind: str) -> Topic:
        return self._by_kind[kind]

    async def refresh(self) -> None:
        """Takes in everything that was written and said before the call. Raises when the store is closed."""
        async with self._refreshing:
            await self._take_in_writes()
            await self._work_off(lambda: bool(self._stirred or self._touched))

    async def catch_up(self) -> None:
        """What `show` needs of that: topics show it after the next refresh."""
        async with self._refreshing:
            await self._take_in_writes()
            await self._work_off(lambda: bool(self._stirred))

    async def _work_off(self, is_left: Callable[[], bool]) -> None:
        """Nodes first: what they say tells what is to be shown anew."""
        turn = time.perf_counter()
        while is_left():
            if self._stirred:
                self._take_in_node(self._stirred.popitem(last=False)[0])
            else:
                self._show_anew(*self._touched.popitem(last=False)[0])
            if time.perf_counter() - turn > _TURN_SECONDS:
                await asyncio.sleep(0)
                turn = time.perf_counter()

    def show(self, record: Record) -> dict[str, Any]:
        """A record as the API shows it, were it the one that is stored. Replicas and placements are as they are."""
        match record.kind:
            case Kind.DEPLOYMENT:
                return envelope(record, self._deployment_state(record))
            case Kind.NODE:
                placements = len(self._placements.on_node(record.id))
                state = node_state(record, self._registry, self._monotonic(), placements)
                return envelope(record, state, node_facts(record))
            case Kind.PLACEMENT:
                replicas = self._replicas.of_deployment(record.spec["deployment_id"])
                name = self._name_of(record.spec["node_id"])
                return envelope(record, {"node_name": name, "status": placement_status(record, replicas)})
            case Kind.INSTANCE_TYPE:
                return envelope(record, {"source": "own", "nodes": 0})
            case Kind.SECRET:
                return secret_object(record)
            case Kind.JOIN_TOKEN:
                return join_token_object(record)
            case Kind.ACCESS_TOKEN:
                return access_token_object(record)
        return envelope(record)

    # -- what was written

    async def _take_in_writes(self) -> None:
        if self._changes is None:
            self._load()
        while self.seq < self._store.seq and self._changes is not None:
            try:
                # Never waits: there is something newer.
                changes = await anext(self._changes)
            except StopAsyncIteration:
                raise HomeportError(ErrorCode.UNAVAILABLE, "the server is stopping") from None
            except HomeportError as error:
                if error.code is not ErrorCode.CONFLICT:
                    raise
                log.warning("fell behind the change log, loading everything again", error=str(error))
                self._load()
                return
            for change in changes:
                self._take_in(change)
            self.seq = changes[-1].seq

    def _load(self) -> None:
        """Also whatever is shown now is looked at again, for it may be gone."""
        seq = self._store.seq
        self._touch_all(Kind.INSTANCE_TYPE, catalogue())
        for topic in self.topics.values():
            if topic.kind != REPLICA:
                kind = Kind(topic.kind)
                stored = {record.id: record for record in self._store.all(kind)}
                for id in dict.fromkeys([*stored, *topic.ids()]):
                    self._take_in(Change(seq, kind, id, stored.get(id)))
        if self._changes is None:
            self.loaded_seq = seq
        self._changes = self._store.changes(seq)
        self.seq = seq

    def _take_in(self, change: Change) -> None:
        if change.kind is Kind.REVISION:
            self._touch(Kind.DEPLOYMENT, change.id.rpartition("/")[0])
        elif change.kind is Kind.PLACEMENT:
            deployments, nodes = self._placements.set(change.id, change.record)
            self._touch_all(Kind.DEPLOYMENT, deployments)
            self._touch_all(Kind.NODE, nodes)
        elif change.kind is Kind.NODE:
            self._stirred[change.id] = None
        if change.kind in self._by_kind:
            self._touch(change.kind, change.id)

    # -- what agents say

    def _hear(self, node_id: str) -> None:
        self._stirred[node_id] = None

    def _take_in_node(self, node_id: str) -> None:
        node = self._store.get(Kind.NODE, node_id)
        replicas, deployments = self._replicas.set_node(node_id, self._registry.replicas_on(node_id) if node else ())
        renamed = self._rename(node_id, node)
        placements = self._placements.on_node(node_id)
        if renamed:
            replicas.update(report.replica_id for report in self._replicas.on_node(node_id))
            deployments.update(report.deployment_id for report in self._replicas.on_node(node_id))
            deployments.update(placement.spec["deployment_id"] for placement in placements)
        self._touch_all(Kind.PLACEMENT, (each.id for each in placements if each.spec["deployment_id"] in deployments))
        self._touch_all(REPLICA, replicas)
        self._touch_all(Kind.DEPLOYMENT, deployments)
        self._touch_all(
            Kind.INSTANCE_TYPE,
            self._shapes.set(node_id, shape_of(inventory_of(node, self._registry)) if node else None),
        )
        self._touch(Kind.NODE, node_id)

    def _rename(self, node_id: str, node: Record | None) -> bool:
        before = self._name_of(node_id)
        if node is not None:
            self._node_names[node_id] = node.spec["name"]
        else:
            self._node_names.pop(node_id, None)
        return self._name_of(node_id) != before

    def _name_of(self, node_id: str) -> str:
        return self._node_names.get(node_id, node_id)

    # -- showing it

    def _touch(self, kind: str, id: str) -> None:
        self._touched[kind, id] = None

    def _touch_all(self, kind: str, ids: Iterable[str]) -> None:
        for id in sorted(ids):
            self._touch(kind, id)

    def _show_anew(self, kind: str, id: str) -> None:
        item, topic, stamp = self._item(kind, id), self._by_kind[kind], (self.seq, self._count + 1)
        if topic.drop(id, stamp) if item is None else topic.put(item, stamp):
            self._count += 1

    def _item(self, kind: str, id: str) -> Item | None:
        if kind == REPLICA:
            held = self._replicas.get(id)
            return Item(id, replica_object(held[0], self._name_of(held[0]), held[1])) if held else None
        record = self._store.get(Kind(kind), id)
        if kind == Kind.INSTANCE_TYPE and record is None:
            return self._instance_type(id)
        if record is None:
            return None
        if kind == Kind.NODE:
            return self._node(record)
        return Item(id, self.show(record))

    def _instance_type(self, id: str) -> Item | None:
        if id in catalogue():
            return Item(id, instance_type_object(catalogue()[id], "catalogue"))
        shape = self._shapes.get(id)
        return Item(id, instance_type_object(shape[0], "node", shape[1])) if shape else None

    def _node(self, record: Record) -> Item:
        """How long ago it was heard and how busy it is change all the time: that is no news."""
        lasting = self.show(record)
        lasting["status"] = {**lasting["status"], "last_heard_seconds": None, "load": None}
        return MomentaryItem(record.id, lasting, lambda: self.show(record))

    def _deployment_state(self, record: Record) -> dict[str, Any]:
        return deployment_state(
            record,
            current_revision(self._store, record),
            self._placements.of_deployment(record.id),
            self._replicas.of_deployment(record.id),
            self._node_names,
            self._gateway_url,
        )

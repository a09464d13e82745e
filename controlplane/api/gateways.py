"""Gateways: which there are, how many workers they shall have, and how a host of its own becomes one."""

from collections.abc import Mapping
from typing import Any

from controlplane.api.dependencies import ApiDependencies
from controlplane.api.routing import Answer, Call, Route, in_organisation
from controlplane.auth.gateway_tokens import GatewayTokens
from controlplane.auth.guard import Guard
from controlplane.fleet.gateway_size import GATEWAY, put_workers, workers_in
from controlplane.fleet.references import missing
from controlplane.gateway.host_link import HostFacts
from controlplane.store.store import Kind, Record, Transaction
from homeport.core.access.permission import Permission
from homeport.core.errors import ErrorCode, HomeportError
from homeport.schema.gateway import Gateway, GatewayJoin, Gateways, GatewayScale, NewGatewayToken

_TAG = "gateways"
# Until then agents may still be on their way to a gateway that has just connected.
_REACHED_SECONDS = 30.0
_SKEW_SECONDS = 60.0


class GatewayRoutes:
    def __init__(self, dependencies: ApiDependencies) -> None:
        self._store = dependencies.store
        self._workers = dependencies.gateway_workers
        self._facts = dependencies.gateway_facts
        self._tokens = GatewayTokens(dependencies.join_tokens.pin)
        self._url = dependencies.urls.gateway
        self._enroll = dependencies.urls.enroll
        self._version = dependencies.version

    def routes(self) -> list[Route]:
        return [
            Route("GET", "/gateways", self.show_all, _TAG, "Gateways and their workers", response=Gateways,
                  permission=Permission.SERVER_READ, at=in_organisation),
            Route("POST", "/gateways/{gateway}/scale", self.scale, _TAG,
                  "How many workers it shall have; requests go on meanwhile", body=GatewayScale, root="gateway",
                  response=Gateway, permission=Permission.SERVER_WRITE, at=self._at_item,
                  errors=(ErrorCode.INVALID_ARGUMENT, ErrorCode.NOT_FOUND, ErrorCode.CONFLICT)),
            Route("POST", "/gateways/{gateway}/join-token", self.join, _TAG,
                  "Make a token with which one host joins as this gateway; it is shown this once", body=GatewayJoin,
                  root="gateway", response=NewGatewayToken, status=201, permission=Permission.SERVER_WRITE,
                  at=self._at_item, errors=(ErrorCode.INVALID_ARGUMENT, ErrorCode.NOT_FOUND)),
            Route("DELETE", "/gateways/{gateway}", self.remove, _TAG,
                  "Remove a gateway on a host of its own: it is told nothing more, and ends", status=204,
                  permission=Permission.SERVER_WRITE, at=self._at_item,
                  errors=(ErrorCode.NOT_FOUND, ErrorCode.CONFLICT)),
        ]  # fmt: skip

    def _at_item(self, guard: Guard, permission: Permission, path: Mapping[str, str]) -> None:
        guard.must(permission, self._store, Kind.GATEWAY, path["gateway"])

    async def show_all(self, call: Call) -> Answer:
        others = sorted(each.id for each in self._store.all(Kind.GATEWAY) if each.id != GATEWAY)
        return {"items": [self._central(), *(self._shown(name) for name in others)]}

    async def scale(self, call: Call) -> Answer:
        name: str = call.path["gateway"]
        wanted: GatewayScale = call.body
        if name != GATEWAY:

            def change(tx: Transaction) -> None:
                self._existing(tx.get(Kind.GATEWAY, name), name)
                put_workers(tx, wanted.workers, name)

            await self._store.write(change)
            return self._shown(name)
        if self._workers is None:
            raise HomeportError(
                ErrorCode.CONFLICT,
                "this gateway runs inside the control plane and has no workers",
                hint="start homeport-server without --gateway-inside",
            )
        await self._store.write(lambda tx: put_workers(tx, wanted.workers))
        return self._central()

    async def join(self, call: Call) -> Answer:
        name: str = call.path["gateway"]
        wanted: GatewayJoin = call.body
        token, expires_at = await self._store.write(lambda tx: self._tokens.create(tx, name, wanted.ttl_seconds))
        command = (
            "homeport server --role gateway --data-dir /var/lib/homeport-gateway --agent-host 0.0.0.0 "
            f"--control-plane {self._enroll} --join-token {token} --advertise HOST:8444"
        )
        return {"gateway": name, "token": token, "command": command, "expires_at": expires_at}

    async def remove(self, call: Call) -> None:
        name: str = call.path["gateway"]
        if name == GATEWAY:
            raise HomeportError(
                ErrorCode.CONFLICT,
                "the gateway beside the control plane goes with it",
                hint="homeport gateway list shows those on hosts of their own",
            )

        def change(tx: Transaction) -> None:
            self._existing(tx.get(Kind.GATEWAY, name), name)
            tx.delete(Kind.GATEWAY, name)

        await self._store.write(change)

    def _existing(self, record: Record | None, name: str) -> Record:
        if record is None:
            raise missing(Kind.GATEWAY, name, {GATEWAY, *(each.id for each in self._store.all(Kind.GATEWAY))})
        return record

    def _central(self) -> dict[str, Any]:
        inside = self._workers is None
        return {
            "id": GATEWAY,
            "url": self._url,
            "wanted_workers": 0 if inside else workers_in(self._store.get(Kind.GATEWAY, GATEWAY)),
            "workers": [] if self._workers is None else self._workers(),
            "version": self._version,
        }

    def _shown(self, name: str) -> dict[str, Any]:
        record, facts = self._existing(self._store.get(Kind.GATEWAY, name), name), self._facts(name)
        status = record.status
        connected = facts.connected_since is not None
        state = "connected" if connected else "away" if "key_sha256" in status else "awaited"
        return {
            "id": name,
            "url": status.get("url", ""),
            "wanted_workers": workers_in(record),
            "workers": list(facts.workers),
            "host": status.get("host", ""),
            "tunnels": status.get("tunnels", []),
            "state": state,
            "version": facts.version,
            "connected_since": facts.connected_since,
            "last_heard": facts.last_heard,
            "problem": _problem(record, facts, nodes_of(self._workers() if self._workers else ())),
        }


def nodes_of(workers: Any) -> int:
    """Those that have a tunnel to one of them at least."""
    return max((worker["nodes"] for worker in workers), default=0)


def _problem(record: Record, facts: HostFacts, nodes_here: int) -> str:
    """What a person should do something about; empty = nothing. `nodes_here` have a tunnel to the gateway beside us."""
    if "key_sha256" not in record.status:
        return f"no host has joined as it yet; a token for one: homeport gateway join-token {record.id}"
    if facts.connected_since is None:
        return "it is not connected: does its host run, and reach this server's session port?"
    if abs(facts.clock_ahead_seconds) > _SKEW_SECONDS:
        side = "ahead of" if facts.clock_ahead_seconds > 0 else "behind"
        return f"its host's clock is {abs(facts.clock_ahead_seconds):.0f} s {side} this one: set it, best with NTP"
    seen = (facts.last_heard or 0.0) - facts.connected_since
    if facts.workers and nodes_here and not nodes_of(facts.workers) and seen > _REACHED_SECONDS:
        targets = ", ".join(record.status.get("tunnels", ()))
        return f"no node has reached {targets}: is --advertise right there, and may agents open connections to it?"
    return ""

"""Lends the gateways what limited access tokens may use, and keeps what was used in the store: every few seconds, never
with a request."""

import asyncio
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog

from controlplane.gateway.fed_worker import FedWorker
from controlplane.store.store import Kind, Store, Transaction
from homeport.core import canonical
from homeport.core.errors import HomeportError
from homeport.core.limits.ledger import TokenLedger
from homeport.core.limits.lender import Lender, MeterState
from homeport.core.limits.limits import Flow, Limits, Period, limits_of
from homeport.core.limits.report import Grant, Report
from homeport.gateway.limits.limiter import Limiter, lend_directly

log = structlog.get_logger()

_KEEP_SECONDS = 2.0
_OWN_SECONDS = 1.0
_ENDED_SECONDS = 60.0
# So long after a start gateways may still be on their way back, which know what they hold.
_SETTLE_SECONDS = 2.0


class LeaseDesk:
    """`monotonic` and `wall` in seconds; the store must be open before `load`."""

    def __init__(self, store: Store, monotonic: Callable[[], float], wall: Callable[[], float]) -> None:
        self._store = store
        self._monotonic = monotonic
        self._wall = wall
        self._known: dict[str, tuple[Any, Limits | None]] = {}
        self._lender = Lender(self._limits_of)
        # Those that are connected, by member, and since when workers of this host are not.
        self._connections: dict[str, object] = {}
        self._gone: dict[str, float] = {}
        # By member and boot: its newest report, and the newest of which all is in the store.
        self._heard: dict[tuple[str, str], int] = {}
        self._kept: dict[tuple[str, str], int] = {}

    def load(self) -> None:
        records = self._store.all(Kind.TOKEN_USAGE)
        settles_at = self._monotonic() + _SETTLE_SECONDS if records else 0.0
        self._lender = Lender(self._limits_of, settles_at)
        for record in records:
            self._lender.ledgers[record.id] = TokenLedger(record.spec)

    def exchange(self, report: Report) -> Grant:
        if report.first:
            self._heard = {key: number for key, number in self._heard.items() if key[0] != report.member}
        who = report.member, report.boot
        self._heard[who] = report.number
        return self._lender.exchange(report, self._monotonic(), self._today(), self._kept.get(who, 0))

    def hear(self, worker: FedWorker, plain: Mapping[str, Any]) -> None:
        """A gateway worker's report, over the feed."""
        self._gone.pop(worker.id, None)
        worker.send({"lease_grant": self._answer(worker.id, worker, plain)})

    def gone(self, worker: FedWorker) -> None:
        if self._lost(worker.id, worker):
            self._gone[worker.id] = self._monotonic()

    def cut_off(self, worker: FedWorker) -> None:
        """It is elsewhere, and goes on without us for as long as it must."""
        self._lost(worker.id, worker)

    def hear_site(self, node_id: str, session: object, report_json: str) -> str:
        """A local gateway's report, and the grant that answers it, as JSON."""
        plain = json.loads(report_json)
        return json.dumps(self._answer(f"node/{node_id}", session, plain), separators=(",", ":"))

    def site_gone(self, node_id: str, session: object) -> None:
        """It may be cut off for days: what it holds is nobody else's until it is back."""
        self._lost(f"node/{node_id}", session)

    async def lend_to(self, limiter: Limiter) -> None:
        """To a gateway in this process, until cancelled."""
        tell = lend_directly(limiter, self.exchange)
        while True:
            await asyncio.sleep(_OWN_SECONDS)
            tell()

    def usage(self, token_id: str) -> list[dict[str, Any]]:
        """As homeport.schema.token_limits.MeterUse."""
        states = self._lender.states(token_id, self._monotonic(), self._today())
        return [
            {
                "name": state.meter.name,
                "limit": state.meter.limit,
                "used": state.used,
                "left": state.left,
                "resets_at": self._resets_at(state),
            }
            for state in states
        ]

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await asyncio.sleep(_KEEP_SECONDS)
            self.forget_ended()
            try:
                await self.keep()
            except HomeportError as error:
                log.warning("what tokens have used is not written", error=str(error))

    async def keep(self) -> None:
        """Writes what is new; what fails to be written is written the next time."""
        lender = self._lender
        heard, changed = dict(self._heard), set(lender.changed)
        lender.changed -= changed
        for token_id in changed | lender.ledgers.keys():
            if self._store.get(Kind.ACCESS_TOKEN, token_id) is None:
                lender.forget_token(token_id)
                self._known.pop(token_id, None)
        specs = {token_id: lender.ledgers[token_id].plain() for token_id in changed if token_id in lender.ledgers}
        gone = [each.id for each in self._store.all(Kind.TOKEN_USAGE) if each.id not in lender.ledgers]

        def change(tx: Transaction) -> None:
            for token_id, spec in specs.items():
                if tx.get(Kind.TOKEN_USAGE, token_id) is None:
                    tx.create(Kind.TOKEN_USAGE, token_id, spec)
                else:
                    tx.put_spec(Kind.TOKEN_USAGE, token_id, spec)
            for token_id in gone:
                tx.delete(Kind.TOKEN_USAGE, token_id)

        if specs or gone:
            try:
                await self._store.write(change)
            except BaseException:
                lender.changed |= specs.keys()
                raise
        self._kept = heard

    def _answer(self, member: str, connection: object, plain: Mapping[str, Any]) -> dict[str, Any]:
        """Whoever reports speaks for itself alone."""
        self._connections[member] = connection
        grant = self.exchange(canonical.from_plain(Report, {**plain, "member": member}))
        answer: dict[str, Any] = canonical.to_plain(grant)
        return answer

    def _lost(self, member: str, connection: object) -> bool:
        """It goes on with what it has, unless it has another connection already."""
        if self._connections.get(member) is not connection:
            return False
        del self._connections[member]
        self._lender.cut_off(member, self._monotonic())
        return True

    def forget_ended(self) -> None:
        """Workers of this host come back at once if they are there at all."""
        now = self._monotonic()
        for member in [each for each, since in self._gone.items() if now - since > _ENDED_SECONDS]:
            del self._gone[member]
            self._lender.forget(member, now)

    def _limits_of(self, token_id: str) -> Limits | None:
        record = self._store.get(Kind.ACCESS_TOKEN, token_id)
        plain = None if record is None else record.spec.get("limits")
        known = self._known.get(token_id)
        if known is None or known[0] is not plain:
            known = self._known[token_id] = plain, limits_of(plain)
        return known[1]

    def _resets_at(self, state: MeterState) -> float | None:
        now = self._wall()
        if state.resets_in is not None:
            return now + state.resets_in
        if state.meter.flow is not Flow.BUDGET:
            return None
        return period_end(state.meter.period, now)

    def _today(self) -> str:
        return day_of(self._wall())


def day_of(wall: float) -> str:
    return datetime.fromtimestamp(wall, UTC).date().isoformat()


def period_end(period: Period, wall: float) -> float | None:
    """In unix seconds; None for what has no end."""
    midnight = datetime.fromtimestamp(wall, UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    match period:
        case Period.DAY:
            return (midnight + timedelta(days=1)).timestamp()
        case Period.MONTH:
            return (midnight.replace(day=1) + timedelta(days=32)).replace(day=1).timestamp()
        case Period.TOTAL:
            return None

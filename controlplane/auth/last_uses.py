"""When each token was used last: gathered in memory and written down now and then, never with a request."""

import asyncio

import structlog

from controlplane.store.store import Kind, Store, Transaction
from homeport.core.errors import HomeportError

log = structlog.get_logger()

_WRITE_SECONDS = 60.0


class LastUses:
    """`uses`: token id -> unix seconds, filled by others."""

    def __init__(self, store: Store, uses: dict[str, float]) -> None:
        self._store = store
        self._uses = uses

    async def run(self) -> None:
        while True:
            await asyncio.sleep(_WRITE_SECONDS)
            try:
                await self.write()
            except HomeportError as error:
                log.warning("when tokens were used is not written", error=str(error))

    async def write(self) -> None:
        """What fails to be written is written the next time."""
        uses = {token_id: at for token_id, at in self._uses.items() if self._is_news(token_id, at)}

        def change(tx: Transaction) -> None:
            for token_id, at in uses.items():
                record = tx.get(Kind.ACCESS_TOKEN, token_id)
                if record is not None:
                    tx.put_status(Kind.ACCESS_TOKEN, token_id, {**record.status, "last_used_at": at})

        if uses:
            await self._store.write(change)
        for token_id, at in uses.items():
            if self._uses.get(token_id) == at:
                del self._uses[token_id]
        for token_id in [each for each in self._uses if self._store.get(Kind.ACCESS_TOKEN, each) is None]:
            del self._uses[token_id]

    def _is_news(self, token_id: str, at: float) -> bool:
        """Once a minute is enough."""
        record = self._store.get(Kind.ACCESS_TOKEN, token_id)
        if record is None:
            return False
        return at - float(record.status.get("last_used_at") or 0.0) >= _WRITE_SECONDS

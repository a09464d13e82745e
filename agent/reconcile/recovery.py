"""Finding again what runs of a replica: after a restart of the agent, or after a silence of its runtime."""

import asyncio

from agent.drivers.driver import DriverUnavailable, Handle, SelfProbing, StartRefused
from agent.failpoint import failpoint
from agent.reconcile.prober import Prober
from agent.reconcile.replica import Replica
from agent.reconcile.surroundings import Surroundings
from agent.state.journal import Stage
from homeport.core.status import ReplicaStatus
from homeport.core.workload import ProbeKind

_ASK_AGAIN_SECONDS = 2.0


async def recover(replica: Replica, around: Surroundings, answered: asyncio.Event | None = None) -> Handle | None:
    """What runs of it, once its runtime answers; until then nobody can tell. `answered` is set after the first try."""
    while True:
        try:
            driver = around.driver(replica.record.workload.driver)
            handle = await driver.recover(replica.replica_id, replica.record.handle)
        except (DriverUnavailable, StartRefused) as error:
            replica.answers = await _still_answers(replica, around)
            replica.set(ReplicaStatus.UNKNOWN, str(error))
        else:
            if handle is not None:
                await _found(replica, handle)
            if answered:
                answered.set()
            return handle
        if answered:
            answered.set()
        await asyncio.sleep(_ASK_AGAIN_SECONDS)


async def _found(replica: Replica, handle: Handle) -> None:
    """It served before: it goes on serving, and the probe takes it out if it should not."""
    ready = replica.record.stage is Stage.READY
    stage = Stage.READY if ready else Stage.STARTED
    if not ready or replica.record.handle != handle:
        await replica.note(handle=handle, stage=stage)
    failpoint("adopted")
    replica.set(ReplicaStatus.READY if ready else ReplicaStatus.STARTING, "adopted")


async def _still_answers(replica: Replica, around: Surroundings) -> bool:
    """Whether one that was ready still is, as far as that can be told without its runtime."""
    record, driver = replica.record, around.drivers.get(replica.record.workload.driver)
    by_runtime = record.workload.readiness.kind is ProbeKind.EXEC or isinstance(driver, SelfProbing)
    if driver is None or record.handle is None or record.stage is not Stage.READY or by_runtime:
        return False
    return await Prober(driver, record, record.handle).is_ready() == ""

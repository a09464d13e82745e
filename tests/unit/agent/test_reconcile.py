"""Replicas over time, with the simulated driver, a real state file and a virtual clock."""

import asyncio
import itertools
from pathlib import Path
from typing import Any

from agent.placement import Placement
from agent.reconcile.replica import Replica
from agent.state.database import StateDatabase
from agent.state.journal import ReplicaJournal
from homeport.core.errors import ErrorCode, HomeportError
from homeport.core.status import ReplicaStatus
from homeport.core.workload import Startup, Workload
from tests.fakes.reconciling import Host, all_are, story


def _placement(
    spec: str = "v1", revision: int = 1, most: int = 2, startup: Startup | None = None, **env: str
) -> Placement:
    workload = Workload("simulated", env=env, startup=startup or Startup())
    return Placement("p", "chat", revision, 0, 0, most, workload, spec)


@story
async def test_replicas_come_up_and_go(path: Path) -> None:
    host = Host(path)
    await host.start()
    host.want(_placement(SIMULATED_READY_AFTER="3"), 2)
    await host.until(all_are(ReplicaStatus.READY, 2))
    assert all(2900 < replica.record.start_ms < 4100 for replica in host.replicas())
    host.want(_placement(SIMULATED_READY_AFTER="3"), 0)
    await host.until(lambda replicas: not replicas)
    assert await host.journal.load() == []
    await host.kill()


@story
async def test_a_crash_loop_backs_off_and_says_why(path: Path) -> None:
    """1, 2, 4, ... up to 60 seconds between lives of one second each."""
    host = Host(path)
    await host.start()
    host.want(_placement(SIMULATED_EXIT_AFTER="1", SIMULATED_EXIT_CODE="7"), 1)
    await asyncio.sleep(400)
    failures = [time for time, status, reason in host.history if status == "failed"]
    gaps = [round(later - earlier) for earlier, later in itertools.pairwise(failures)]
    assert gaps[:8] == [2, 3, 5, 9, 17, 33, 61, 61]
    (replica,) = host.replicas()
    assert replica.record.restarts == len(failures) - (replica.status is ReplicaStatus.FAILED)
    assert any(reason == "exit code 7" for _, _, reason in host.history)
    await host.kill()


@story
async def test_a_long_good_life_forgives(path: Path) -> None:
    host = Host(path)
    await host.start()
    host.want(_placement(SIMULATED_EXIT_AFTER="300"), 1)
    await asyncio.sleep(950)
    failures = [time for time, status, _ in host.history if status == "failed"]
    assert [round(time) for time in failures] == [300, 601, 902]
    await host.kill()


@story
async def test_one_that_never_gets_ready_is_stopped_at_its_deadline(path: Path) -> None:
    host = Host(path)
    await host.start()
    host.want(_placement(startup=Startup(deadline_seconds=20), SIMULATED_READY_AFTER="1000"), 1)
    await host.until(all_are(ReplicaStatus.FAILED, 1))
    time, _, reason = host.history[-1]
    assert 20 <= time < 22
    assert reason == "not ready within 20 s: is starting"
    await host.kill()


@story
async def test_a_refused_start_is_tried_again_without_counting_restarts(path: Path) -> None:
    host = Host(path)
    await host.start()
    host.want(_placement(SIMULATED_REFUSE="no such image"), 1)
    await asyncio.sleep(30)
    (replica,) = host.replicas()
    assert (replica.status, replica.record.restarts) == (ReplicaStatus.FAILED, 0)
    assert replica.reason.endswith("; last: no such image")
    await host.kill()


@story
async def test_a_driver_that_is_not_allowed_says_so(path: Path) -> None:
    host = Host(path)
    await host.start()
    placement = Placement("p", "chat", 1, 0, 0, 1, Workload("docker"), "v1")
    host.want(placement, 1)
    await host.until(all_are(ReplicaStatus.FAILED, 1))
    assert "--allow-driver" in host.replicas()[0].reason
    await host.kill()


@story
async def test_a_new_revision_replaces_the_old_without_a_gap(path: Path) -> None:
    host = Host(path)
    await host.start()
    host.want(_placement(most=1), 1)
    await host.until(all_are(ReplicaStatus.READY, 1))
    served: list[int] = []

    def replaced(replicas: list[Replica]) -> bool:
        return [(r.record.revision, r.status) for r in replicas] == [(2, ReplicaStatus.READY)]

    host.reconciler.listen(lambda _: served.append(sum(r.status is ReplicaStatus.READY for r in host.replicas())))
    host.want(_placement(spec="v2", revision=2, most=1, SIMULATED_READY_AFTER="5"), 1)
    await host.until(replaced)
    assert min(served) == 1
    await host.kill()


@story
async def test_a_retired_replica_finishes_its_requests_first(path: Path) -> None:
    host = Host(path)
    in_flight_done = asyncio.Event()

    async def drained(replica: Replica) -> None:
        await in_flight_done.wait()

    host.drained = drained
    await host.start()
    host.want(_placement(), 1)
    await host.until(all_are(ReplicaStatus.READY, 1))
    host.want(_placement(), 0)
    await host.until(all_are(ReplicaStatus.DRAINING, 1))
    await asyncio.sleep(100)
    assert all_are(ReplicaStatus.DRAINING, 1)(host.replicas())
    in_flight_done.set()
    await host.until(lambda replicas: not replicas)
    await host.kill()


@story
async def test_a_killed_agent_finds_its_replicas_again(path: Path) -> None:
    before = Host(path)
    await before.start()
    before.want(_placement(), 2)
    await before.until(all_are(ReplicaStatus.READY, 2))
    ids = {replica.replica_id for replica in before.replicas()}
    await before.kill()

    after = Host(path, before.driver)
    await after.start()
    assert all_are(ReplicaStatus.READY, 2)(after.replicas())
    assert {replica.replica_id for replica in after.replicas()} == ids
    # Nobody has said yet what is wanted: nothing stops.
    await asyncio.sleep(100)
    after.want(_placement(), 2)
    await asyncio.sleep(100)
    assert {replica.replica_id for replica in after.replicas()} == ids
    assert [replica.record.restarts for replica in after.replicas()] == [0, 0]
    await after.kill()


@story
async def test_one_that_ended_meanwhile_is_started_again(path: Path) -> None:
    before = Host(path)
    await before.start()
    before.want(_placement(), 1)
    await before.until(all_are(ReplicaStatus.READY, 1))
    await before.kill()
    (record,) = await _journalled(path)
    assert record.handle is not None
    await before.driver.stop(record.handle, 0)

    after = Host(path, before.driver)
    await after.start()
    after.want(_placement(), 1)
    await after.until(all_are(ReplicaStatus.READY, 1))
    (replica,) = after.replicas()
    assert (replica.replica_id, replica.record.restarts) == (record.replica_id, 1)
    await after.kill()


@story
async def test_an_agent_killed_between_intent_and_handle_starts_nothing_twice(path: Path) -> None:
    before = Host(path)
    await before.start()
    real_put = before.journal.put
    before.journal.put = lambda record: real_put(record) if record.handle is None else _never()  # type: ignore[method-assign]
    before.want(_placement(most=1), 1)
    await asyncio.sleep(5)
    await before.kill()
    (record,) = await _journalled(path)
    assert record.handle is None

    after = Host(path, before.driver)
    await after.start()
    after.want(_placement(most=1), 1)
    await after.until(all_are(ReplicaStatus.READY, 1))
    (replica,) = after.replicas()
    assert (replica.replica_id, replica.record.restarts) == (record.replica_id, 0)
    await after.kill()


@story
async def test_nothing_starts_that_cannot_be_noted(path: Path) -> None:
    host = Host(path)
    await host.start()

    async def full(record: object) -> None:
        raise HomeportError(ErrorCode.STORAGE_FULL, "disk full")

    real_put = host.journal.put
    host.journal.put = full  # type: ignore[method-assign]
    host.want(_placement(most=1), 1)
    await host.until(all_are(ReplicaStatus.FAILED, 1))
    assert "disk full" in host.replicas()[0].reason
    assert await host.driver.recover(host.replicas()[0].replica_id, None) is None
    host.journal.put = real_put  # type: ignore[method-assign]
    await host.until(all_are(ReplicaStatus.READY, 1))
    await host.kill()


@story
async def test_stopping_them_all_leaves_nothing(path: Path) -> None:
    host = Host(path)
    await host.start()
    host.want(_placement(), 2)
    await host.until(all_are(ReplicaStatus.READY, 2))
    ids = [replica.replica_id for replica in host.replicas()]
    await host.kill(stop_replicas=True)
    assert [await host.driver.recover(replica_id, None) for replica_id in ids] == [None, None]
    assert await _journalled(path) == []


async def _journalled(path: Path) -> list[Any]:
    database = StateDatabase.open_inline(path / "state.db")
    try:
        return list(await ReplicaJournal(database).load())
    finally:
        database.close()


async def _never() -> None:
    await asyncio.Event().wait()


@story
async def test_a_change_that_was_taken_back_leaves_what_runs_and_counts_it_to_the_newest_revision(path: Path) -> None:
    host = Host(path)
    await host.start()
    host.want(_placement("v1", 1), 1)
    await host.until(all_are(ReplicaStatus.READY, 1))
    (first,) = host.replicas()
    host.want(_placement("v2", 2, SIMULATED_READY_AFTER="30"), 1)
    await host.until(lambda replicas: len(replicas) == 2)
    host.want(_placement("v1", 3), 1)
    await host.until(all_are(ReplicaStatus.READY, 1))
    (left,) = host.replicas()
    assert (left.replica_id, left.report().revision) == (first.replica_id, 3)
    # The next agent finds it out by itself.
    await host.kill()
    again = Host(path, host.driver)
    await again.start()
    again.want(_placement("v1", 3), 1)
    await again.until(lambda replicas: [replica.report().revision for replica in replicas] == [3])
    assert [replica.replica_id for replica in again.replicas()] == [first.replica_id]
    await again.kill(stop_replicas=True)

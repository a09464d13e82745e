"""What replicas go through: hangs, slow starts, silent runtimes, lost notes. Told in virtual seconds."""

import asyncio
from pathlib import Path
from typing import Any

from agent.drivers.driver import DriverUnavailable, Handle, StartRequest, Unkillable
from agent.drivers.simulated import SimulatedDriver
from agent.placement import DesiredState, Placement, Version
from agent.state.database import StateDatabase
from agent.state.journal import ReplicaJournal
from homeport.core.status import ReplicaStatus
from homeport.core.workload import Probe, Startup, Workload
from tests.fakes.reconciling import Host, all_are, story

S = ReplicaStatus


def _placement(count: int = 1, spec: str = "v1", placement_id: str = "p", **env: str) -> Placement:
    startup = Startup(progress_deadline_seconds=30, deadline_seconds=600)
    workload = Workload("simulated", env=env, startup=startup, liveness=Probe(interval_seconds=5, failure_threshold=3))
    return Placement(placement_id, "chat", 1, 0, 0, count, workload, spec)


def _wanting(*placements: Placement, removed: tuple[str, ...] = ()) -> DesiredState:
    return DesiredState(Version("s", 1), {p.placement_id: p for p in placements}, frozenset(removed))


class StubbornDriver(SimulatedDriver):
    """`immortal`: no stop ends anything. `silent`: no call is answered."""

    def __init__(self) -> None:
        super().__init__()
        self.immortal = False
        self.silent = False
        self.starts = 0
        self.silence = asyncio.Event()

    def hush(self) -> None:
        self.silent = True
        self.silence.set()

    def speak(self) -> None:
        self.silent = False
        self.silence.clear()

    def _answer(self) -> None:
        if self.silent:
            raise DriverUnavailable("the runtime does not answer")

    async def start(self, request: StartRequest) -> Handle:
        self._answer()
        self.starts += 1
        return await super().start(request)

    async def recover(self, replica_id: str, handle: Handle | None) -> Handle | None:
        self._answer()
        return await super().recover(replica_id, handle)

    async def find_all(self) -> Any:
        self._answer()
        return await super().find_all()

    async def stop(self, handle: Handle, grace_seconds: float) -> None:
        self._answer()
        if self.immortal:
            raise Unkillable("process 7 did not end on SIGKILL")
        await super().stop(handle, grace_seconds)

    async def destroy(self, replica_id: str) -> None:
        self._answer()
        await super().destroy(replica_id)

    async def wait(self, handle: Handle) -> Any:
        self._answer()
        waiting = asyncio.create_task(super().wait(handle))
        silence = asyncio.create_task(self.silence.wait())
        await asyncio.wait({waiting, silence}, return_when=asyncio.FIRST_COMPLETED)
        silence.cancel()
        if not waiting.done():
            waiting.cancel()
            self._answer()
        return waiting.result()


@story
async def test_a_crash_loop_says_so(path: Path) -> None:
    host = Host(path)
    await host.start()
    host.want(_placement(SIMULATED_EXIT_AFTER="1", SIMULATED_EXIT_CODE="7"), 1)
    await asyncio.sleep(60)
    failed = [reason for _, status, reason in host.history if status == "failed"]
    assert failed[:4] == ["exit code 7"] * 4
    assert failed[4] == "crash loop: 5 failures in 19 s, next try in 16 s; last: exit code 7"
    trying = [reason for _, status, reason in host.history if status == "starting"]
    assert trying[-1].startswith("crash loop: 5 failures in 19 s, trying again")
    await host.kill()


@story
async def test_the_output_of_the_first_and_the_last_failures_is_kept(path: Path) -> None:
    host = Host(path)
    await host.start()
    host.want(_placement(SIMULATED_EXIT_AFTER="1", SIMULATED_EXIT_CODE="7"), 1)
    await asyncio.sleep(400)
    host.want(None, 0, removed=("p",))
    await host.until(lambda replicas: not replicas)
    kept = [host.failures.previous("chat", "", back) for back in range(1, 6)]
    assert [text is not None for text in kept] == [True, True, True, True, False]
    assert kept[3] is not None
    assert kept[3].startswith(b"== failure 1 of replica")
    assert kept[3].endswith(b"ended: exit code 7\n")
    await host.kill()


@story
async def test_a_slow_start_that_gets_on_lives(path: Path) -> None:
    host = Host(path)
    await host.start()
    host.want(_placement(SIMULATED_READY_AFTER="60", SIMULATED_CORES="0.9"), 1)
    await host.until(all_are(S.READY, 1))
    (replica,) = host.replicas()
    assert replica.record.restarts == 0
    assert 60_000 <= replica.record.start_ms < 62_000
    await host.kill()


@story
async def test_a_slow_start_that_does_not_is_given_up(path: Path) -> None:
    host = Host(path)
    await host.start()
    host.want(_placement(SIMULATED_READY_AFTER="60", SIMULATED_CORES="0.02"), 1)
    await host.until(all_are(S.FAILED, 1))
    time, _, reason = host.history[-1]
    assert 30 <= time < 32
    assert reason == "not ready, and no progress for 30 s: is starting"
    await host.kill()


@story
async def test_one_that_hangs_is_stopped_and_started_again_with_the_reason(path: Path) -> None:
    host = Host(path)
    await host.start()
    host.want(_placement(SIMULATED_HANG_AFTER="100"), 1)
    await host.until(all_are(S.FAILED, 1))
    time, _, reason = host.history[-1]
    assert 110 <= time < 120
    assert reason == "not alive: hangs, 3 times in a row"
    await host.until(all_are(S.READY, 1))
    assert [replica.record.restarts for replica in host.replicas()] == [1]
    await host.kill()


@story
async def test_a_long_preparation_is_told_and_ended_by_a_retirement(path: Path) -> None:
    host = Host(path)
    await host.start()
    host.want(_placement(SIMULATED_PREPARE="20"), 1)
    await asyncio.sleep(5)
    assert [(r.status, r.reason) for r in host.replicas()] == [(S.PENDING, "preparing for 20 s")]
    host.want(_placement(SIMULATED_PREPARE="20"), 0)
    await asyncio.sleep(1)
    assert host.replicas() == []
    assert await host.driver.find_all() == []
    await host.kill()


@story
async def test_a_preparation_that_does_not_get_on_is_given_up(path: Path) -> None:
    host = Host(path)
    await host.start()
    host.want(_placement(SIMULATED_PREPARE="100"), 1)
    await host.until(all_are(S.FAILED, 1))
    time, _, reason = host.history[-1]
    assert 30 <= time < 32
    assert reason == "not ready, and no progress for 30 s (last: preparing for 100 s)"
    await host.kill()


@story
async def test_a_silent_runtime_is_unknown_and_nothing_is_started_twice(path: Path) -> None:
    driver = StubbornDriver()
    host = Host(path, driver)
    await host.start()
    host.want(_placement(), 1)
    await host.until(all_are(S.READY, 1))
    driver.hush()
    await host.until(all_are(S.UNKNOWN, 1))
    await asyncio.sleep(60)
    assert [(r.status, r.reason) for r in host.replicas()] == [(S.UNKNOWN, "the runtime does not answer")]
    driver.speak()
    await host.until(all_are(S.READY, 1))
    assert driver.starts == 1
    assert not [status for _, status, _ in host.history if status == "failed"]
    await host.kill()


@story
async def test_one_that_is_retired_while_its_runtime_is_silent_goes_when_it_speaks(path: Path) -> None:
    driver = StubbornDriver()
    host = Host(path, driver)
    await host.start()
    host.want(_placement(), 1)
    await host.until(all_are(S.READY, 1))
    driver.hush()
    host.want(_placement(), 0)
    await asyncio.sleep(60)
    assert all_are(S.DRAINING, 1)(host.replicas())
    driver.speak()
    await host.until(lambda replicas: not replicas)
    assert await driver.find_all() == []
    await host.kill()


@story
async def test_one_that_cannot_be_killed_is_fenced_until_it_is_gone(path: Path) -> None:
    """It hangs, does not end, keeps its place among the devices; another takes over; at last it is gone."""
    driver = StubbornDriver()
    host = Host(path, driver)
    await host.start()
    host.want(_placement(SIMULATED_HANG_AFTER="100"), 1)
    await host.until(all_are(S.READY, 1))
    (stuck,) = host.replicas()
    driver.immortal = True
    await host.until(lambda replicas: stuck.status is S.FENCED)
    assert stuck.reason == "process 7 did not end on SIGKILL"
    assert not stuck.serves
    await host.until(lambda replicas: sorted(r.status for r in replicas) == [S.FENCED, S.READY])

    await host.kill()
    again = Host(path, driver)
    await again.start()
    assert S.FENCED in {replica.status for replica in again.replicas()}, "also for the next agent"
    driver.immortal = False
    await again.until(lambda replicas: stuck.replica_id not in {r.replica_id for r in replicas})
    found = {each.labels.replica_id for each in await driver.find_all()}
    assert stuck.replica_id not in found
    await again.kill()


async def _lose_journal(path: Path) -> None:
    database = StateDatabase.open_inline(path / "state.db")
    journal = ReplicaJournal(database)
    for record in await journal.load():
        await journal.remove(record.replica_id)
    database.close()


async def _left_running(path: Path, count: int) -> tuple[StubbornDriver, set[str]]:
    driver = StubbornDriver()
    host = Host(path, driver)
    await host.start()
    host.want(_placement(count), count)
    await host.until(all_are(S.READY, count))
    ids = {replica.replica_id for replica in host.replicas()}
    await host.kill()
    return driver, ids


@story
async def test_a_restart_of_the_agent_with_twenty_replicas_restarts_none(path: Path) -> None:
    driver, ids = await _left_running(path, 20)
    for _ in range(3):
        host = Host(path, driver)
        await host.start(_wanting(_placement(20)))
        host.want(_placement(20), 20)
        assert {r.replica_id for r in host.replicas() if r.status is S.READY} == ids
        await asyncio.sleep(300)
        assert {r.replica_id for r in host.replicas()} == ids
        await host.kill()
    assert driver.starts == 20


@story
async def test_a_lost_journal_is_made_again_from_the_labels(path: Path) -> None:
    driver, ids = await _left_running(path, 3)
    await _lose_journal(path)
    host = Host(path, driver)
    await host.start(_wanting(_placement(3)))
    host.want(_placement(3), 3)
    await host.until(all_are(S.READY, 3))
    await asyncio.sleep(100)
    assert {r.replica_id for r in host.replicas()} == ids
    assert driver.starts == 3
    assert {record.replica_id for record in await host.journal.load()} == ids
    await host.kill()


@story
async def test_with_all_state_lost_what_runs_is_kept_until_its_placement_is_known(path: Path) -> None:
    driver, ids = await _left_running(path, 2)
    await _lose_journal(path)
    host = Host(path, driver)
    await host.start()
    await asyncio.sleep(1000)
    assert {r.replica_id for r in host.replicas()} == ids
    assert host.reconciler.placements_with_replicas() == {"p"}, "it is told to the control plane"
    assert all("nothing is known" in report.reason for report in host.reconciler.reports() if not report.restarts)
    host.want(_placement(2), 2)
    await host.until(all_are(S.READY, 2))
    await asyncio.sleep(100)
    assert {r.replica_id for r in host.replicas()} == ids
    assert driver.starts == 2
    assert all(replica.record.workload.liveness for replica in host.replicas())
    await host.kill()


@story
async def test_with_all_state_lost_what_is_removed_by_name_stops(path: Path) -> None:
    driver, _ = await _left_running(path, 2)
    await _lose_journal(path)
    host = Host(path, driver)
    await host.start()
    host.want(None, 0, removed=("p",))
    await host.until(lambda replicas: not replicas)
    assert await driver.find_all() == []
    await host.kill()


@story
async def test_one_of_an_unknown_placement_that_ends_is_gone(path: Path) -> None:
    driver, _ = await _left_running(path, 1)
    await _lose_journal(path)
    host = Host(path, driver)
    await host.start()
    for replica in host.replicas():
        assert replica.handle is not None
        await driver.stop(replica.handle, 0)
    await host.until(lambda replicas: not replicas)
    assert await host.journal.load() == []
    assert driver.starts == 1
    await host.kill()


@story
async def test_what_ended_unknown_is_removed_after_five_minutes(path: Path) -> None:
    driver, _ = await _left_running(path, 1)
    (found,) = await driver.find_all()
    await driver.stop(found.handle, 0)
    await _lose_journal(path)
    host = Host(path, driver)
    await host.start()
    await asyncio.sleep(350)
    assert len(await driver.find_all()) == 1
    await asyncio.sleep(100)
    assert await driver.find_all() == []
    await host.kill()


@story
async def test_what_runs_unknown_and_is_listed_late_is_taken_in(path: Path) -> None:
    """The runtime did not answer when the agent started."""
    driver, ids = await _left_running(path, 2)
    await _lose_journal(path)
    driver.hush()
    host = Host(path, driver)
    await host.start(_wanting(_placement(2)))
    await asyncio.sleep(100)
    assert host.replicas() == []
    driver.speak()
    await asyncio.sleep(200)
    assert {r.replica_id for r in host.replicas() if r.status is S.READY} == ids
    await host.kill()

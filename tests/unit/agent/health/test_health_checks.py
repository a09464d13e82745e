"""Who is asked when, and what a bad answer does. Times are those of a virtual clock."""

import asyncio
from dataclasses import replace
from pathlib import Path

from agent.health.health_checks import HealthChecks
from agent.placement import DesiredState, Placement, Version
from homeport.core.balance.balancing import Balancing, HealthCheck
from homeport.core.history.replica_fault import ReplicaFault
from homeport.core.policy import Policy
from homeport.core.status import ReplicaStatus
from homeport.core.workload import Workload
from tests.fakes.reconciling import Host, all_are, story

CHECK = HealthCheck("/well", interval_seconds=10.0, timeout_seconds=2.0, failure_threshold=2)
PLACEMENT = Placement(
    "p", "chat", 1, 0, 1, 3, Workload("simulated"), "h", Policy(balancing=Balancing(health_check=CHECK))
)


class Ward:
    """A node with one ready replica that is asked for its health; `problem` is its answer from now on."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.problem = ""
        self.asked: list[tuple[float, str, float]] = []
        self.desired = DesiredState(Version("s", 1), {"p": PLACEMENT})
        loop = asyncio.get_running_loop()
        self.started_at = loop.time()
        self.faults: list[ReplicaFault] = []
        self.checks = HealthChecks(
            lambda: self.desired, host.replicas, loop.time, self._ask, lambda _, fault: self.faults.append(fault)
        )
        self.task = asyncio.create_task(self.checks.run())

    async def _ask(self, host: str, port: int, path: str, timeout: float) -> str:
        self.asked.append((round(asyncio.get_running_loop().time() - self.started_at, 1), path, timeout))
        return self.problem

    def seen(self) -> tuple[bool, str, str]:
        (replica,) = self.host.replicas()
        report = replica.report()
        return replica.serves, report.status.value, report.reason

    async def end(self) -> None:
        self.task.cancel()
        await self.host.kill()


async def begin(path: Path) -> Ward:
    host = Host(path)
    await host.start()
    host.want(PLACEMENT, 1)
    await host.until(all_are(ReplicaStatus.READY, 1))
    return Ward(host)


@story
async def test_one_that_fails_gets_no_requests_until_it_answers_again_and_is_not_restarted(path: Path) -> None:
    ward = await begin(path)
    await asyncio.sleep(15)
    assert ward.asked == [(0.0, "/well", 2.0), (10.0, "/well", 2.0)]
    ward.problem = "GET /well answered 500"
    await asyncio.sleep(10)
    assert ward.seen() == (True, "ready", ""), "once is no reason"
    await asyncio.sleep(10)
    assert ward.seen() == (False, "starting", "health check fails: GET /well answered 500")
    ward.problem = "no answer within 2 s"
    await asyncio.sleep(10)
    assert ward.seen() == (False, "starting", "health check fails: no answer within 2 s")
    assert [(fault.ejections, fault.failed_checks, fault.problem) for fault in ward.faults] == [
        (0, 1, "GET /well answered 500"),
        (1, 1, "GET /well answered 500"),
        (0, 1, "no answer within 2 s"),
    ]
    ward.problem = ""
    await asyncio.sleep(10)
    assert ward.seen() == (True, "ready", "")
    assert ward.host.replicas()[0].record.restarts == 0
    await ward.end()


@story
async def test_without_a_check_nobody_is_asked_and_nobody_stays_unwell(path: Path) -> None:
    ward = await begin(path)
    ward.problem = "GET /well answered 500"
    await asyncio.sleep(15)
    assert ward.seen()[1] == "starting"
    ward.desired = DesiredState(Version("s", 2), {"p": replace(PLACEMENT, policy=Policy())})
    await asyncio.sleep(1)
    assert ward.seen() == (True, "ready", "")
    asked = len(ward.asked)
    await asyncio.sleep(60)
    assert len(ward.asked) == asked
    await ward.end()


@story
async def test_a_new_check_holds_at_once(path: Path) -> None:
    ward = await begin(path)
    await asyncio.sleep(1)
    check = replace(CHECK, path="/better", failure_threshold=1)
    changed = replace(PLACEMENT, policy=Policy(balancing=Balancing(health_check=check)))
    ward.desired = DesiredState(Version("s", 2), {"p": changed})
    ward.problem = "closed the connection without an answer"
    await asyncio.sleep(1)
    assert ward.asked[1][1] == "/better"
    assert ward.seen()[:2] == (False, "starting")
    await ward.end()

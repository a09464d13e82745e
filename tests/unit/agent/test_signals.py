"""How an agent looks at its replicas: their use, their GPUs, their pages of metrics."""

from collections.abc import AsyncIterator, Mapping
from types import SimpleNamespace
from typing import Any, cast

import pytest

from agent.drivers.driver import DriverUnavailable, Handle, Stats
from agent.placement import DesiredState, Placement, Version
from agent.reconcile.replica import Replica
from agent.signals.observer import Observer
from agent.signals.page import read_page
from agent.signals.sampler import Sampler
from agent.signals.scrape import ScrapeError, scrape
from homeport.core.autoscale.demand import Demand, Signal, Supply
from homeport.core.autoscale.signals import Reading
from homeport.core.policy import Policy, Scaling
from homeport.core.resources import ComputeNeeds, Gpu
from homeport.core.targets import MetricTarget, Targets
from homeport.core.workload import Workload
from tests.fakes.clock import FakeClock
from tests.fakes.model_server import Call, ModelServer

PAGE = """\
# HELP vllm:num_requests_waiting Requests that wait.
# TYPE vllm:num_requests_waiting gauge
vllm:num_requests_waiting{model="a"} 3
vllm:num_requests_waiting{model="b"} 5.0
# TYPE jobs_total counter
jobs_total{queue="x\\"y"} 41
jobs_total{queue="z"} 1
broken_gauge NaN
go_goroutines 12
"""


def metric(name: str, aggregate: str = "sum") -> MetricTarget:
    return MetricTarget(name, 10.0, aggregate)


@pytest.mark.parametrize(
    ("name", "aggregate", "value"),
    [
        ("vllm:num_requests_waiting", "sum", 8.0),
        ("vllm:num_requests_waiting", "average", 4.0),
        ("vllm:num_requests_waiting", "max", 5.0),
        ("jobs_total", "rate", 42.0),
    ],
)
def test_the_series_of_a_page_become_one_number(name: str, aggregate: str, value: float) -> None:
    assert read_page(PAGE, [metric(name, aggregate)]) == {name: value}


def test_what_is_not_there_or_no_number_is_left_out() -> None:
    assert read_page(PAGE, [metric("broken_gauge"), metric("go_gorout"), metric("none")]) == {}
    assert read_page("<html>no such page</html>", [metric("jobs_total")]) == {}


@pytest.mark.parametrize("page", ["jobs_total", "jobs_total{", 'jobs_total{a="b} 1', "jobs_total x", "jobs_total{a} 1"])
def test_a_page_that_is_none_is_an_error_and_no_crash(page: str) -> None:
    with pytest.raises((ValueError, LookupError)):
        read_page(page, [metric("jobs_total")])


@pytest.fixture
async def model() -> AsyncIterator[ModelServer]:
    async def answer(call: Call) -> None:
        path = call.line.split()[1]
        if path == "/metrics":
            call.answer(PAGE.encode())
        elif path == "/chunked":
            call.begin_chunks("text/plain")
            call.chunk(b"jobs_total 7\n")
            call.chunk(b"")
        elif path == "/silent":
            await call.gone.wait()
        else:
            call.answer(b"", "404 Not Found")

    server = ModelServer(answer)
    await server.start()
    yield server
    await server.close()


async def test_a_page_is_fetched_whole(model: ModelServer) -> None:
    clock = FakeClock()
    assert await scrape("127.0.0.1", model.port, "/metrics", clock) == PAGE
    assert await scrape("127.0.0.1", model.port, "/chunked", clock) == "jobs_total 7\n"


@pytest.mark.parametrize(("path", "says"), [("/none", "answered 404"), ("/silent", "no answer within")])
async def test_why_there_is_no_page(model: ModelServer, path: str, says: str) -> None:
    with pytest.raises(ScrapeError, match=says):
        await scrape("127.0.0.1", model.port, path, FakeClock())


async def test_a_replica_that_nobody_reaches_is_an_error(model: ModelServer) -> None:
    await model.close()
    with pytest.raises(ScrapeError, match="cannot connect"):
        await scrape("127.0.0.1", model.port, "/metrics", FakeClock())


class FakeDriver:
    def __init__(self) -> None:
        self.told: Stats | None = Stats(0.0, 0)
        self.silent = False

    async def stats(self, handle: Handle) -> Stats | None:
        if self.silent:
            raise DriverUnavailable("the engine does not answer")
        return self.told


class ContainedDriver(FakeDriver):
    at = ""

    async def address(self, handle: Handle) -> str:
        return self.at


def replica(replica_id: str = "r1", port: int = 1, deployment: str = "chat", driver: str = "process") -> Replica:
    needs = ComputeNeeds(cpu_milli=2000, memory_bytes=1 << 30)
    record = SimpleNamespace(
        replica_id=replica_id, deployment_id=deployment, workload=Workload(driver, needs=needs), gpu_uuids=("gpu-a",)
    )
    handle = Handle(driver, 1, "127.0.0.1", port)
    return cast(Replica, SimpleNamespace(replica_id=replica_id, record=record, handle=handle, serves=True))


class Looking:
    """An observer of one driver and one GPU."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.driver = FakeDriver()
        self.gpus = [Gpu("gpu-a", "L4", 1000, memory_used_bytes=250, utilization_percent=70), Gpu("gpu-b", "L4", 1000)]
        self.contained = ContainedDriver()
        drivers = cast(Any, {"process": self.driver, "docker": self.contained})
        self.observer = Observer(drivers, lambda: self.gpus, self.clock)

    async def look(self, targets: Targets, at: Replica | None = None) -> tuple[Reading, Mapping[str, str]]:
        return await self.observer.look(at or replica(), targets)


async def test_percentages_are_of_what_was_asked_for() -> None:
    looking = Looking()
    looking.driver.told = Stats(3.0, 1 << 28)
    reading, problems = await looking.look(
        Targets(cpu_percent=50, memory_percent=50, gpu_percent=50, gpu_memory_percent=50)
    )
    assert dict(reading.values) == {"memory_percent": 25.0, "gpu_percent": 70.0, "gpu_memory_percent": 25.0}
    assert dict(reading.counters) == {"cpu_percent": 150.0}, "of two cores, a second of which is 100 %"
    assert problems == {}


async def test_what_cannot_be_told_is_said_and_counts_for_nothing(model: ModelServer) -> None:
    looking = Looking()
    looking.driver.silent = True
    looking.gpus = [Gpu("gpu-a", "L4", 1000, problem="fell off the bus")]
    wanted = Targets(cpu_percent=50, gpu_percent=50, metrics=(metric("jobs_total", "rate"), metric("none")))
    reading, problems = await looking.look(wanted, replica(port=model.port))
    assert (dict(reading.values), dict(reading.counters)) == ({}, {"jobs_total": 42.0})
    assert problems["cpu_percent"] == "the driver can't tell what it uses"
    assert problems["gpu_percent"] == "its GPUs can't be asked"
    assert problems["none"] == "/metrics has no such metric"
    _, problems = await looking.look(
        Targets(
            metrics=(metric("x"),),
            metrics_port=9,
        ),
        replica(driver="docker"),
    )
    assert "this host reaches only the port that serves requests" in problems["x"]


async def test_a_page_may_be_on_a_port_of_its_own(model: ModelServer) -> None:
    looking = Looking()
    looking.contained.at = "127.0.0.1"
    wanted = Targets(metrics=(metric("jobs_total", "rate"),), metrics_port=model.port)
    for driver in ("process", "docker"):
        reading, problems = await looking.look(wanted, replica(port=1, driver=driver))
        assert (dict(reading.counters), problems) == ({"jobs_total": 42.0}, {})


class Site:
    """A sampler, and what it may look at."""

    def __init__(self, targets: Targets) -> None:
        self.clock = FakeClock()
        self.cpu = {"r1": 0.0, "r2": 0.0}
        self.why: dict[str, str] = {}
        self.demand = Demand()
        self.gpus_asked = 0
        policy = Policy(Scaling(targets=targets))
        placement = Placement("p", "chat", 1, 0, 0, 9, Workload("process"), "h", policy)
        self.desired = DesiredState(Version("s", 1), {"p": placement})
        self.sampler = Sampler(
            self,
            lambda: self.desired,
            lambda: [replica(id) for id in self.cpu],
            lambda id: self.demand,
            self._ask,
            self.clock,
        )

    async def look(self, at: Replica, targets: Targets) -> tuple[Reading, Mapping[str, str]]:
        counters = {} if self.why else {"cpu_percent": self.cpu[at.replica_id]}
        return Reading(self.clock.now, {}, counters), self.why

    def _ask(self) -> None:
        self.gpus_asked += 1

    async def after(self, seconds: float, **busy: float) -> dict[str, Signal]:
        """The replicas use so much in that time."""
        self.clock.advance(seconds)
        for name, percent in busy.items():
            self.cpu[name] += percent * seconds
        await self.sampler.look()
        return dict(self.sampler.signals("chat", self.demand, Supply(len(self.cpu))).known)


async def test_a_rate_is_over_a_quarter_of_a_minute() -> None:
    site = Site(Targets(cpu_percent=50))
    assert await site.after(0) == {}
    assert await site.after(5, r1=80, r2=100) == {"cpu_percent": Signal(180, 50)}
    assert await site.after(5, r1=40, r2=60) == {"cpu_percent": Signal(140, 50)}
    (idle,) = (await site.after(5, r1=0, r2=0)).values()
    assert idle.observed == 100, "280 / 3 is near enough to the target of two"
    assert await site.after(5, r1=0, r2=0) == {}, "the busy times are over for fifteen seconds but five: 33 of 50"


async def test_traffic_is_counted_too() -> None:
    site = Site(Targets(requests_per_second=4, tokens_per_second=100))
    await site.after(0)
    site.demand = Demand(arrivals=50, tokens=2000)
    assert await site.after(5) == {"requests_per_second": Signal(10, 4), "tokens_per_second": Signal(400, 100)}


async def test_what_is_missing_is_said_with_the_reason_until_it_is_there() -> None:
    site = Site(Targets(cpu_percent=50))
    site.why = {"cpu_percent": "the engine does not answer"}
    assert await site.after(5) == {}
    assert site.sampler.signals("chat", site.demand, Supply(2)).missing == site.why
    site.why = {}
    await site.after(5)
    assert site.sampler.signals("chat", site.demand, Supply(2)).missing == {}


async def test_nobody_is_looked_at_without_need() -> None:
    site = Site(Targets(concurrency=3))
    assert await site.after(5) == {}
    assert site.sampler.signals("other", site.demand, Supply()).known == {}
    assert site.gpus_asked == 0
    site = Site(Targets(gpu_percent=50))
    await site.after(5)
    assert site.gpus_asked == 1


async def test_a_replica_that_is_gone_is_forgotten() -> None:
    site = Site(Targets(cpu_percent=50))
    await site.after(0)
    await site.after(5, r1=100, r2=100)
    del site.cpu["r2"]
    assert await site.after(5, r1=100) == {"cpu_percent": Signal(100, 50)}
    site.desired = DesiredState(Version("s", 2))
    assert await site.after(5) == {}

"""Seen from inside a real container, and from its host."""

import asyncio
import re
import socket
import time
import urllib.request
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from agent.drivers.docker.driver import DockerDriver
from agent.drivers.driver import OwnNetwork, RunState, StartRefused, StartRequest
from agent.signals.scrape import scrape
from homeport.core.workload import ContainerOptions, Mount, PullPolicy, Ulimit
from tests.engine import PrivateEngine
from tests.system.containers.requests import request

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("containers")]

MIB = 1 << 20


@pytest.fixture
async def driver(make_driver: Callable[..., DockerDriver], tmp_path: Path) -> AsyncIterator[DockerDriver]:
    driver = make_driver(mounts=(str(tmp_path / "models"),))
    yield driver
    for found in await driver.find_all():
        await driver.destroy(found.labels.replica_id)
    await driver.close()


async def _output(driver: DockerDriver, wanted: StartRequest) -> str:
    """What it prints until it ends."""
    handle = await driver.start(wanted)
    await asyncio.wait_for(driver.wait(handle), 60)
    return b"".join([chunk async for chunk in driver.logs(wanted.replica_id, 1000, False)]).decode()


def _reaches(host: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(5)
        return probe.connect_ex((host, port)) == 0


async def test_its_ports_are_published_on_loopback_and_nowhere_else(
    driver: DockerDriver, engine: PrivateEngine
) -> None:
    both = "echo hello > /tmp/index.html; httpd -p $GRPC_PORT -h /tmp; exec httpd -f -p $PORT -h /tmp"
    other = request("r-2").port
    serve = replace(request("r-1", "sh", "-c", both, container_port=8000), grpc_port=other, container_grpc_port=8001)
    handle = await driver.start(serve)
    assert (handle.host, handle.port, handle.grpc_port) == ("127.0.0.1", serve.port, other)
    while not _reaches("127.0.0.1", handle.port):  # noqa: ASYNC110
        await asyncio.sleep(0.1)

    def get(port: int) -> bytes:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=20) as answer:
            content: bytes = answer.read()
            return content

    for port in (handle.port, handle.grpc_port):
        # The proxy of the engine accepts before the server inside does.
        for _ in range(100):
            try:
                content = await asyncio.to_thread(get, port)
                break
            except OSError:
                await asyncio.sleep(0.1)
        assert content == b"hello\n"
        assert not _reaches(engine.bridge_address, port)


async def test_its_metrics_may_be_on_a_port_that_is_not_published(driver: DockerDriver) -> None:
    handle = await driver.start(
        request("r-1", "sh", "-c", "echo jobs 7 > /tmp/metrics; exec httpd -f -p 9000 -h /tmp", container_port=8000)
    )
    address = await driver.address(handle)
    assert isinstance(driver, OwnNetwork)
    while not _reaches(address, 9000):  # noqa: ASYNC110
        await asyncio.sleep(0.1)
    assert await scrape(address, 9000, "/metrics", time.monotonic) == "jobs 7\n"
    await driver.stop(handle, 0.0)
    assert await driver.address(handle) == ""


async def test_its_limits_and_rights(driver: DockerDriver) -> None:
    options = ContainerOptions(ulimits=(Ulimit("core", 0, 0), Ulimit("nofile", 512, 600)), shared_memory_bytes=8 * MIB)
    show = "ulimit -n; ulimit -Hn; ulimit -c; cat /proc/self/status /proc/1/comm; env; cat /proc/mounts"
    wanted = replace(request("r-1", "sh", "-c", show), container=options, env={"FLAVOUR": "mild"}, cpu_milli=500)
    seen = await _output(driver, wanted)
    assert seen.startswith("512\n600\n0\n")
    # chown, dac_override, fowner, fsetid, kill, setgid, setuid, net_bind_service
    assert re.search(r"CapBnd:\s00000000000004fb\n", seen)
    assert re.search(r"NoNewPrivs:\s1\n", seen)
    assert "docker-init\n" in seen
    for pair in ("FLAVOUR=mild", f"PORT={wanted.port}", "HOMEPORT_REPLICA_ID=r-1", "NVIDIA_VISIBLE_DEVICES=void"):
        assert f"{pair}\n" in seen
    assert "size=8192k" in next(line for line in seen.splitlines() if " /dev/shm " in line)


async def test_user_entrypoint_and_working_directory(driver: DockerDriver) -> None:
    options = ContainerOptions(user="65534:65534", entrypoint=("sh", "-c"))
    wanted = replace(request("r-1", "id -u; pwd"), container=options, working_directory="/bin")
    assert await _output(driver, wanted) == "65534\n/bin\n"


async def test_a_mount_is_read_only_unless_asked_otherwise(driver: DockerDriver, tmp_path: Path) -> None:
    (tmp_path / "models" / "llama").mkdir(parents=True)
    (tmp_path / "models" / "llama" / "weights").write_text("weights\n")
    (tmp_path / "models" / "newest").symlink_to("llama")
    mounts = (
        Mount(str(tmp_path / "models" / "newest"), "/weights"),
        Mount(str(tmp_path / "models"), "/cache", read_only=False),
    )
    write = "cat /weights/weights; touch /weights/x || echo refused; touch /cache/x && echo written"
    wanted = replace(request("r-1", "sh", "-c", write), container=ContainerOptions(mounts=mounts))
    seen = (await _output(driver, wanted)).splitlines()
    assert {"weights", "refused", "written"} < set(seen)


async def test_out_of_memory_is_said_with_the_limit(driver: DockerDriver, engine: PrivateEngine) -> None:
    """Of all 20. The engine learns of the end and of its cause by different ways, and on a busy host of some causes too
    late: then it is said with a perhaps."""
    wanted = [request(f"r-{n}", "tail", "/dev/zero", memory_bytes=16 * MIB) for n in range(20)]
    said = []
    for batch in (wanted[:10], wanted[10:]):
        handles = [await driver.start(each) for each in batch]
        exits = await asyncio.wait_for(asyncio.gather(*map(driver.wait, handles)), 120)
        said += [(exit.code, exit.reason) for exit in exits]
    sure, perhaps = "out of memory: the limit is 16MiB", "killed by SIGKILL, perhaps out of memory: the limit is 16MiB"
    assert set(said) <= {(-9, sure), (-9, perhaps)}
    if engine.can_count():
        assert said.count((-9, sure)) > len(said) / 2


async def test_what_cannot_be_started_says_why_and_leaves_nothing(driver: DockerDriver) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        cases = [
            (replace(request("r-1", "sleep", "9"), port=taken.getsockname()[1]), "address already in use"),
            (replace(request("r-1", "sleep", "9"), container=ContainerOptions(user="nobody-here")), "user nobody-here"),
        ]
        for wanted, reason in cases:
            with pytest.raises(StartRefused, match=reason):
                await driver.start(wanted)
            assert await driver.find_all() == []


async def test_a_command_that_the_image_lacks_is_named(driver: DockerDriver) -> None:
    exit = await driver.wait(await driver.start(request("r-1", "no-such-command")))
    assert exit.code == 127
    assert re.search(r"exit code 127: .*no-such-command failed: No such file", exit.reason)


async def test_an_image_is_pulled_unless_it_is_here(driver: DockerDriver) -> None:
    said: list[str] = []
    here = request("r-1", "sleep", "9")
    await driver.prepare(here, said.append)
    assert said == []

    # No registry listens there.
    elsewhere = replace(here, image="localhost:9/models/llama:1")
    with pytest.raises(StartRefused, match="localhost:9/models/llama:1: its registry cannot be reached from this host"):
        await driver.prepare(elsewhere, said.append)
    assert said[0] == "pulling localhost:9/models/llama:1"

    never = replace(elsewhere, container=ContainerOptions(pull=PullPolicy.NEVER))
    with pytest.raises(StartRefused, match="is not on this host, and its pull policy is `never`"):
        await driver.prepare(never, said.append)


async def test_a_site_that_is_cut_off_starts_what_it_has(driver: DockerDriver, engine: PrivateEngine) -> None:
    name = "localhost:9/models/llama:1"
    engine.add_image(name)
    said: list[str] = []
    wanted = replace(request("r-1", "sleep", "9"), image=name, container=ContainerOptions(pull=PullPolicy.ALWAYS))
    await driver.prepare(wanted, said.append)
    assert said[-1] == f"{name}: its registry cannot be reached from this host; the one on this host is taken"
    engine.call("DELETE", f"/images/{name}")


async def test_a_command_inside_that_takes_too_long_is_ended(driver: DockerDriver) -> None:
    handle = await driver.start(request("r-1", "sleep", "600"))
    with pytest.raises(TimeoutError):
        await driver.execute(handle, ("sleep", "599"), 0.5)
    shown = await driver.execute(handle, ("sh", "-c", "cat /proc/[0-9]*/cmdline"), 20)
    assert "sleep\0599" not in shown.output
    assert (await driver.inspect(handle)).state is RunState.RUNNING
    with pytest.raises(StartRefused, match="'no-such' is not in the image"):
        await driver.execute(handle, ("no-such",), 20)


async def test_a_follower_sees_the_next_life(driver: DockerDriver) -> None:
    first, second = request("r-1", "sh", "-c", "echo first; echo last; exit 1"), request("r-1", "echo", "second")
    await driver.wait(await driver.start(first))
    seen = b""

    async def follow() -> bytes:
        seen = b""
        async for chunk in driver.logs("r-1", 2, True):
            seen += chunk
            if b"second" in seen:
                break
        return seen

    following = asyncio.create_task(follow())
    await driver.wait(await driver.start(second))
    seen = await asyncio.wait_for(following, 60)
    assert seen in (b"first\nlast\nsecond\n", b"last\nsecond\n")
    assert b"".join([chunk async for chunk in driver.logs("r-1", 2, False)]) == b"last\nsecond\n"

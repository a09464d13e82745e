"""Process replicas in units of their own: the same driver, with another parent."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest

from agent.drivers.driver import DriverUnavailable, Exit, Labels, StartRefused, StartRequest
from agent.drivers.process import table
from agent.drivers.process.driver import ProcessDriver
from agent.drivers.process.replica_unit import ReplicaUnits, parse_exit, unit_of
from tests.fakes.replica_units import FakeReplicaUnits

# Replicas are found by it on the whole host, where other workers run these tests too.
_ID = f"in-a-unit-{os.getpid()}"


@pytest.fixture
async def driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[ProcessDriver]:
    with FakeReplicaUnits(tmp_path) as units:
        for name, value in units.environ.items():
            monkeypatch.setenv(name, value)
        driver = ProcessDriver(tmp_path / "replicas", "n-1")
        yield driver
        recovered = await driver.recover(_ID, None)
        if recovered is not None:
            await driver.stop(recovered, 0)
        await driver.close()


def _run(code: str, *command: str) -> StartRequest:
    given = command or (sys.executable, "-c", code)
    return StartRequest(Labels(_ID, "chat"), given, {"FLAVOUR": "mild"}, "", "", "127.0.0.1", 1234)


async def _output(driver: ProcessDriver) -> str:
    return b"".join([chunk async for chunk in driver.logs(_ID, 100, False)]).decode()


async def test_it_is_no_child_and_leads_its_own_session(driver: ProcessDriver) -> None:
    handle = await driver.start(_run("import time; time.sleep(600)"))
    entry = table.read(handle.data["pid"])
    assert entry is not None
    assert entry.session == entry.pid
    assert entry.pid not in (child.pid for child in psutil.Process().children())


async def test_its_surroundings_are_those_that_were_ordered(driver: ProcessDriver) -> None:
    code = (
        "import os, signal; print(sorted(k for k in os.environ if k.startswith(('HOMEPORT_REPLICA_ID', 'FLA'))));"
        "print([os.path.basename(os.readlink(f'/proc/self/fd/{n}')) for n in (0, 1, 2)]);"
        "print(sorted(int(n) for n in os.listdir('/proc/self/fd'))[:-1], signal.getsignal(signal.SIGPIPE).name)"
    )
    # Python itself ignores SIGPIPE: a shell tells what was handed down.
    await driver.wait(
        await driver.start(_run("", "sh", "-c", f'grep SigIgn /proc/$$/status; exec {sys.executable} -c "{code}"'))
    )
    ignored, names, files, descriptors = (await _output(driver)).splitlines()
    assert int(ignored.split()[1], 16) & (1 << (signal.SIGPIPE - 1)) == 0
    assert names == "['FLAVOUR', 'HOMEPORT_REPLICA_ID']"
    assert files == "['null', 'output.log', 'output.log']"
    assert descriptors.startswith("[0, 1, 2]")


async def test_how_it_ended_is_known(driver: ProcessDriver) -> None:
    exit = await driver.wait(await driver.start(_run("import sys; print('no weights'); sys.exit(7)")))
    assert exit == Exit(7, "exit code 7: no weights")
    handle = await driver.start(_run("import time; time.sleep(600)"))
    os.kill(handle.data["pid"], signal.SIGKILL)
    assert (await driver.wait(handle)).code == -9


async def test_stop_asks_and_then_ends(driver: ProcessDriver) -> None:
    deaf = "import signal, time; signal.signal(15, signal.SIG_IGN); print('deaf', flush=True); time.sleep(600)"
    handle = await driver.start(_run(deaf))
    async for _ in driver.logs(_ID, 1, True):
        break
    await asyncio.wait_for(driver.stop(handle, 0.1), 60)
    assert (await driver.wait(handle)).code == -9


async def test_another_agent_finds_it(driver: ProcessDriver, tmp_path: Path) -> None:
    handle = await driver.start(_run("import time; time.sleep(600)"))
    await driver.close()
    after = ProcessDriver(tmp_path / "replicas", "n-1")
    assert await after.recover(_ID, handle) == handle
    await after.stop(handle, 0)
    await after.close()


async def test_a_program_that_cannot_be_run_is_refused(driver: ProcessDriver, tmp_path: Path) -> None:
    program = tmp_path / "serve"
    program.write_text("\x00not a program")
    program.chmod(0o755)
    with pytest.raises(StartRefused, match=r"cannot run .*/serve: Exec format error"):
        await driver.start(_run("", str(program)))


async def test_without_systemd_it_says_what_to_look_at(tmp_path: Path) -> None:
    units = ReplicaUnits(tmp_path / "nobody.sock", tmp_path)
    with pytest.raises(DriverUnavailable, match=r"No such file.*systemctl status homeport-replica\.socket"):
        await units.launch(["/bin/true"], "/", {}, 1)


@pytest.mark.parametrize(
    ("text", "exit"),
    [
        ("success exited 0\n", Exit(0, "exit code 0")),
        ("exit-code exited 7\n", Exit(7, "exit code 7")),
        ("signal killed KILL\n", Exit(-9, "killed by SIGKILL")),
        ("core-dump dumped SEGV\n", Exit(-11, "killed by SIGSEGV")),
        ("oom-kill killed KILL\n", Exit(-9, "out of memory")),
        ("resources  \n", None),
    ],
)
def test_what_systemd_notes(text: str, exit: Exit | None) -> None:
    assert parse_exit(text) == exit


def test_which_unit_a_process_is_in() -> None:
    assert unit_of(os.getpid()) == ""
    assert unit_of(2**22 + 1) == ""

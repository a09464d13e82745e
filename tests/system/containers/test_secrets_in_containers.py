"""Secrets of a real container: there inside, and in nothing that the engine tells of it."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import replace

import pytest

from agent.drivers.docker.driver import DockerDriver
from agent.drivers.driver import StartRefused
from agent.secrets.memory_folder import MemoryFolder
from agent.secrets.replica_secrets import ReplicaSecrets, SecretFolder
from homeport.core.workload import ContainerOptions
from tests.engine import PrivateEngine
from tests.fakes.planted import forms_of, planted
from tests.system.containers.requests import request

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("containers")]

VALUE = planted() + " with 'quotes', $HOME and\nlines"
FILE = planted()
SECRETS = ReplicaSecrets(
    {"HF_TOKEN": VALUE}, (SecretFolder("/run/secrets/tls", "TLS_KEY", "key.pem", {"key.pem": FILE}),)
)


@pytest.fixture
async def driver(make_driver: Callable[..., DockerDriver]) -> AsyncIterator[DockerDriver]:
    driver = make_driver()
    yield driver
    for found in await driver.find_all():
        await driver.destroy(found.labels.replica_id)
    await driver.close()


async def _output(driver: DockerDriver, replica_id: str) -> str:
    return b"".join([chunk async for chunk in driver.logs(replica_id, 1000, False)]).decode()


async def test_the_container_has_them_and_the_engine_tells_nothing(driver: DockerDriver, engine: PrivateEngine) -> None:
    """As a user without rights, who reads the files all the same."""
    script = 'echo "$HF_TOKEN"; cat "$TLS_KEY"; echo; echo shown; exec sleep 600'
    wanted = replace(
        request("r-secret", "sh", "-c", script), secrets=SECRETS, container=ContainerOptions(user="65534:65534")
    )
    handle = await driver.start(wanted)
    async with asyncio.timeout(60):
        while "shown" not in await _output(driver, "r-secret"):  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.1)
    assert await _output(driver, "r-secret") == f"{VALUE}\n{FILE}\nshown\n"
    container = handle.data["container"]
    told = [
        json.dumps(await asyncio.to_thread(engine.call, "GET", path), ensure_ascii=False)
        for path in (f"/containers/{container}/json", "/containers/json?all=1", f"/containers/{container}/top")
    ]
    for form in forms_of(VALUE[:32]) | forms_of(FILE):
        assert form.decode() not in "".join(told)
    assert "/run/secrets/tls" in told[0]


async def test_what_was_in_memory_goes_with_the_replica(driver: DockerDriver) -> None:
    await driver.start(replace(request("r-secret", "sleep", "600"), secrets=SECRETS))
    inside = await driver.find_all()
    folder = driver._memory.write("r-secret", {})
    assert sorted(path.name for path in folder.iterdir()) == ["0", "environment"]
    await driver.stop(inside[0].handle, 0)
    await driver.destroy("r-secret")
    assert not folder.exists()


async def test_an_image_without_a_command_is_refused(driver: DockerDriver) -> None:
    with pytest.raises(StartRefused, match="give a command"):
        await driver.start(replace(request("r-secret"), secrets=SECRETS))
    assert await driver.find_all() == []


async def test_without_a_place_in_memory_nothing_starts(driver: DockerDriver) -> None:
    driver._memory = MemoryFolder("test", places=())
    with pytest.raises(StartRefused, match="no folder in memory"):
        await driver.start(replace(request("r-secret", "sleep", "9"), secrets=SECRETS))

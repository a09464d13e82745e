import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from homeport.cli.dev.enrolment import Enrolment
from homeport.cli.dev.replica_processes import kill_replicas
from homeport.cli.dev.settings import DevSettings, Ports
from homeport.client import Client
from homeport.core.errors import HomeportError
from tests.fakes.api import ScriptedApi


@pytest.fixture
def settings(tmp_path: Path) -> DevSettings:
    found = DevSettings(tmp_path, Ports(1, 2, 3, 4, 5))
    found.agent_dir.mkdir()
    return found


def _with_session_port(settings: DevSettings, port: int) -> DevSettings:
    return replace(settings, ports=replace(settings.ports, session=port))


def test_an_enrolment_holds_for_one_store_and_one_port(settings: DevSettings) -> None:
    enrolment = Enrolment(settings, "store-1")
    assert not enrolment.holds()
    enrolment.note("node-1")
    assert enrolment.holds()
    assert Enrolment(settings, "store-1").holds()
    assert not Enrolment(settings, "store-2").holds()
    assert not Enrolment(_with_session_port(settings, 9), "store-1").holds()


@pytest.mark.parametrize("damage", ["", "{", "[]", "null"])
def test_a_damaged_note_is_no_note(settings: DevSettings, damage: str) -> None:
    enrolment = Enrolment(settings, "store-1")
    enrolment.note("node-1")
    (settings.data_dir / "enrolled.json").write_text(damage)
    assert not enrolment.holds()


def test_without_the_agents_state_there_is_no_enrolment(settings: DevSettings) -> None:
    enrolment = Enrolment(settings, "store-1")
    enrolment.note("node-1")
    settings.agent_dir.rmdir()
    assert not enrolment.holds()


def test_moving_to_another_port_removes_the_old_node(settings: DevSettings, api: ScriptedApi) -> None:
    api.answer("DELETE", "nodes/node-1", b"", 204)
    Enrolment(settings, "store-1").note("node-1")
    with Client(api.context) as client:
        Enrolment(_with_session_port(settings, 9), "store-1").forget(client)
    assert [asked.path for asked in api.asked] == ["/nodes/node-1"]
    assert not settings.agent_dir.exists()


def test_a_node_of_another_store_is_not_ours_to_remove(settings: DevSettings, api: ScriptedApi) -> None:
    Enrolment(settings, "store-1").note("node-1")
    with Client(api.context) as client:
        Enrolment(settings, "store-2").forget(client)
    assert api.asked == []
    assert not settings.agent_dir.exists()


def test_a_node_that_is_gone_already_is_fine_and_any_other_refusal_is_not(
    settings: DevSettings, api: ScriptedApi
) -> None:
    Enrolment(settings, "store-1").note("node-1")
    with Client(api.context) as client:
        Enrolment(settings, "store-1").forget(client)
        Enrolment(settings, "store-1").note("node-2")
        api.answer("DELETE", "nodes/node-2", {"error": {"code": "in_use", "message": "busy"}}, 409)
        with pytest.raises(HomeportError, match="busy"):
            Enrolment(settings, "store-1").forget(client)


def test_only_this_agents_replicas_are_killed(tmp_path: Path) -> None:
    (tmp_path / "replicas" / "mine").mkdir(parents=True)

    def start(replica_id: str) -> subprocess.Popen[bytes]:
        environment = {**os.environ, "HOMEPORT_REPLICA_ID": replica_id}
        code = "print(flush=True); input()"
        process = subprocess.Popen(
            [sys.executable, "-c", code], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert process.stdout is not None
        process.stdout.readline()
        return process

    with start("mine") as mine, start("theirs") as theirs:
        assert kill_replicas(tmp_path) == 1
        assert mine.wait(30) == -9
        assert theirs.poll() is None
        theirs.kill()
    assert kill_replicas(tmp_path / "no-agent-here") == 0


def test_what_is_noted(settings: DevSettings) -> None:
    Enrolment(settings, "store-1").note("node-1")
    noted = json.loads((settings.data_dir / "enrolled.json").read_text())
    assert noted == {"store_id": "store-1", "session_port": 4, "node_id": "node-1"}

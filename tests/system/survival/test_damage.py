"""The agent's files are damaged while it is dead: it starts all the same, and the models never notice."""

import os
import random
import shutil
from pathlib import Path

import pytest

from agent.local_api.local_api import ask
from homeport.core.errors import HomeportError
from tests.system.site import Site, is_alive
from tests.system.survival.conftest import Figure

pytestmark = [pytest.mark.system, pytest.mark.timeout(400)]

_CASES = 10  # each kind twice; tests/unit/agent/test_state_damage.py tries hundreds
# Any of these; sockets, locks and what the models write are none of the agent's state.
_STATE = ("state.db*", "identity/*/*")


def damage(path: Path, kind: str, rng: random.Random) -> None:
    content = bytearray(path.read_bytes())
    offset = rng.randrange(max(1, len(content)))
    match kind:
        case "truncate":
            del content[offset:]
        case "flip" if content:
            content[offset] ^= 1 << rng.randrange(8)
        case "zero":
            content[offset : offset + 4096] = bytes(len(content[offset : offset + 4096]))
        case "replace":
            content = bytearray(rng.randbytes(8192))
        case "remove":
            path.unlink()
            return
    path.write_bytes(content)


def state_files(folder: Path) -> list[Path]:
    found = [path for pattern in _STATE for path in folder.glob(pattern) if path.is_file()]
    return sorted(path for path in found if ".damaged-" not in str(path))


@pytest.mark.parametrize("with_server", [True, False], ids=["online", "offline"])
def test_an_agent_with_damaged_files_keeps_its_models(tmp_path: Path, figure: Figure, with_server: bool) -> None:
    slowest = 0.0
    with Site(tmp_path) as site:
        site.start_all()
        pid = site.ask("who")["pid"]
        rng = random.Random(with_server)
        for case in range(_CASES):
            site.kill(site.agent)
            victim = rng.choice(state_files(site.folder / "agent"))
            damage(victim, ("truncate", "flip", "zero", "replace", "remove")[case % 5], rng)
            if not with_server and case == 0:
                site.kill(site.server)
            site.start_agent()
            if with_server:
                took = site.until(lambda: site.ask("again")["pid"] == pid, f"an answer after {victim} was damaged")
            else:
                took = site.until(lambda: _serves(site), f"a sound agent after {victim} was damaged")
            slowest = max(slowest, took)
            assert is_alive(pid)
        figure(f"slowest of {_CASES} starts with damaged files, {'online' if with_server else 'offline'}", slowest)
        if not with_server:
            site.start_server()
            site.until(lambda: site.ask("at last")["pid"] == pid, "the model answers")
        assert _restarts(site) == [0]


def test_with_every_copy_damaged_the_model_is_found_by_its_label(tmp_path: Path) -> None:
    with Site(tmp_path) as site:
        site.start_all()
        pid = site.ask("who")["pid"]
        site.kill(site.agent)
        for path in (site.folder / "agent").glob("state.db*"):
            path.write_bytes(os.urandom(5000))
        site.start_agent()
        site.until(lambda: site.ask("again")["pid"] == pid, "the same process answers")
        assert _restarts(site) == [0]


def test_without_any_identity_the_agent_says_what_to_do_and_the_model_runs_on(tmp_path: Path) -> None:
    with Site(tmp_path) as site:
        site.start_all()
        pid = site.ask("who")["pid"]
        site.kill(site.agent)
        identity = site.folder / "agent" / "identity"
        kept = shutil.copytree(identity, site.folder / "kept", symlinks=True)
        for path in identity.glob("*/*"):
            path.write_bytes(b"")
        site.start_agent()
        assert site.agent is not None
        assert site.agent.wait(60) == 1
        said = (site.folder / "agent.log").read_text().splitlines()[-1]
        assert "join again with a new token" in said
        assert is_alive(pid)
        shutil.rmtree(identity)
        shutil.copytree(kept, identity, symlinks=True)
        site.start_agent()
        site.until(lambda: site.ask("again")["pid"] == pid, "the same process answers")


def _restarts(site: Site) -> list[int]:
    """Of all replicas, once the agent has told of any: requests reach it before that."""
    site.until(lambda: site.api("GET", "/replicas")["items"], "replicas are told of")
    return [replica["restarts"] for replica in site.api("GET", "/replicas")["items"]]


def _serves(site: Site) -> bool:
    try:
        answer = ask(site.folder / "agent" / "agent.sock", "status")
    except HomeportError:
        return False
    return [replica["status"] for replica in answer["replicas"]] == ["ready"]

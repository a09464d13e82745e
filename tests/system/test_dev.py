"""`homeport dev` as a user meets it: real programs, real sockets, a real language model."""

import contextlib
import os
import re
import signal
import socket
import sqlite3
import urllib.request

import pytest

from homeport.client.contexts import ContextFile
from tests.system.conftest import Home, RunningDev, need_sample, start_dev

pytestmark = [pytest.mark.system, pytest.mark.timeout(900), pytest.mark.xdist_group("dev")]

_TIMINGS = re.compile(r"ready ([\d.]+) s, first token ([\d.]+) s \((\d+) ms after asking\), total ([\d.]+) s")


def test_once_answers_and_leaves_nothing_and_the_second_run_needs_no_joining(home: Home) -> None:
    need_sample()
    first = home.dev("--once", "--message", "What is the capital of France?")
    assert first.returncode == 0, first.stdout + first.stderr
    assert re.search(r"^> What is the capital of France\?\n\S", first.stdout, re.MULTILINE)
    assert "agent joining with a join token" in first.stdout
    timings = _TIMINGS.search(first.stdout)
    assert timings
    ready, token, _, total = map(float, timings.groups())
    assert 0 < ready < token < total
    assert home.processes() == {}

    second = home.dev("--once")
    assert second.returncode == 0, second.stdout + second.stderr
    assert "joining" not in second.stdout
    assert "unchanged" in second.stdout
    assert "created" not in second.stdout
    assert _TIMINGS.search(second.stdout)


def test_every_printed_line_works(dev: RunningDev) -> None:
    curl = dev.home.shell(dev.printed("curl"))
    assert curl.returncode == 0
    assert '"choices"' in curl.stdout
    chat = dev.home.shell(dev.printed(".venv/bin/python examples/chat.py"))
    assert (chat.returncode, bool(chat.stdout.strip())) == (0, True), chat.stdout + chat.stderr
    status = dev.home.shell(dev.printed(".venv/bin/homeport status"))
    assert re.search(r"smollm2-chat +smollm2/v1 +ready", status.stdout), status.stdout + status.stderr
    talk = dev.home.shell(dev.printed(".venv/bin/homeport chat"))
    assert talk.returncode == 0
    assert talk.stdout.strip()


def test_the_docs_page_is_whole_without_a_network(dev: RunningDev) -> None:
    url = dev.printed("API docs").split()[-1]
    assert url.startswith("http://127.0.0.1:")
    page = _get(url)
    assert "swagger" in page.lower()
    assert not re.findall(r"(?:src|href)=[\"'](?:https?:)?//", page)
    assert '"openapi":"3.1' in _get(url.replace("/docs", "/openapi.json")).replace(" ", "")


def test_the_context_is_current_and_private(dev: RunningDev) -> None:
    path = dev.home.folder / "config" / "homeport" / "config.yaml"
    assert path.stat().st_mode & 0o777 == 0o600
    file = ContextFile.load(path)
    assert file.current == "dev"
    assert file.contexts["dev"].api == f"http://127.0.0.1:{dev.home.ports[0]}"


def test_a_second_dev_on_the_same_data_is_refused(dev: RunningDev) -> None:
    second = Home(dev.home.folder).dev("--once")
    assert second.returncode == 1
    assert f"process {dev.process.pid}" in second.stderr
    assert len(second.stderr.splitlines()) == 1


def test_a_taken_port_is_one_line_before_anything_starts(home: Home) -> None:
    need_sample()
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", home.ports[1]))
        holder.listen()
        ran = home.dev("--once")
    assert ran.returncode == 1
    assert ran.stdout == ""
    (line,) = ran.stderr.splitlines()
    assert f"port {home.ports[1]} is taken" in line
    assert "--gateway-port" in line
    assert not (home.data_dir / "server").exists()


def test_ctrl_c_stops_everything(home: Home) -> None:
    running = start_dev(home)
    assert len(home.processes()) >= 4  # dev, by its lock file; control plane; agent; model
    assert running.interrupt() == 0
    assert home.processes() == {}


def test_keep_leaves_the_model_and_the_next_start_adopts_it(home: Home) -> None:
    running = start_dev(home, "--keep")
    assert running.interrupt() == 0
    (kept,) = home.processes()
    again = start_dev(home)
    assert kept in home.processes()
    assert "restarts" not in again.output
    assert home.homeport('chat smollm2-chat "Hello!"').returncode == 0
    assert again.interrupt() == 0
    assert home.processes() == {}


def test_a_program_that_dies_is_named_with_its_log(home: Home) -> None:
    running = start_dev(home)
    (server,) = [pid for pid, text in home.processes().items() if "controlplane.main" in text]
    os.kill(server, signal.SIGKILL)
    assert running.end() == 1
    output = "".join(running.output)
    assert "the control plane ended (killed by SIGKILL)" in output
    assert str(home.data_dir / "logs" / "server.log") in output
    assert home.processes() == {}


def test_data_of_a_newer_release_is_one_line(home: Home) -> None:
    need_sample()
    assert home.dev("--once").returncode == 0
    with contextlib.closing(sqlite3.connect(home.data_dir / "server" / "homeport.db")) as database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
        database.commit()
    ran = home.dev("--once")
    assert ran.returncode == 1
    (line,) = ran.stderr.splitlines()
    assert "newer" in line


def test_on_other_ports_the_agent_joins_anew_and_the_old_node_is_gone(home: Home) -> None:
    need_sample()
    assert home.dev("--once").returncode == 0
    running = start_dev(Home(home.folder))
    nodes = running.home.homeport("node list -o json")
    assert nodes.stdout.count('"kind": "node"') == 1, nodes.stdout + nodes.stderr
    assert running.interrupt() == 0


def test_terminating_is_as_good_as_ctrl_c(home: Home) -> None:
    running = start_dev(home)
    running.process.terminate()
    assert running.end() == 0
    assert home.processes() == {}


def _get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=60) as response:
        return str(response.read().decode())

"""Two agents, each with a model: `homeport rebalance` empties one of them, and no request is lost."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.system.conftest import BIN
from tests.system.site import ECHO_MODEL, Site, replica_pids

pytestmark = pytest.mark.system
NODEPOOL = {"id": "default", "compute_cluster": {"id": "home"}}


def serves(id: str) -> list[dict[str, Any]]:
    version = {
        "id": "v1",
        "model": {"id": f"of-{id}"},
        "command": [sys.executable, str(ECHO_MODEL), "{port}"],
        "readiness": {"path": "/", "interval_seconds": 0.2},
        "concurrency": 4,
    }
    deployment = {"id": id, "worker": {"model": {"id": f"of-{id}"}}, "nodepools": [NODEPOOL]}
    return [{"model": {"id": f"of-{id}"}}, {"model_version": version}, {"deployment": deployment}]


@contextlib.contextmanager
def agents(site: Site, *names: str) -> Iterator[None]:
    running = []
    try:
        for name in names:
            state = str(site.folder / name)
            server, token = f"127.0.0.1:{site.enroll_port}", site.new_join_token()
            options = ["--server", server, "--token", token, "--state-dir", state, "--name", name]
            subprocess.run([BIN / "homeport-agent", "join", *options], check=True, capture_output=True, timeout=120)
            command = [str(BIN / "homeport-agent"), "run", "--state-dir", state, "--allow-driver", "process"]
            with (site.folder / f"{name}.log").open("w") as log:
                running.append(subprocess.Popen(command, stdout=log, stderr=log))
        yield
    finally:
        for agent in running:
            agent.kill()
            agent.wait()
        for name in names:
            for pid in replica_pids(site.folder / name):
                os.kill(pid, signal.SIGKILL)


def homeport(site: Site, *arguments: str) -> str:
    env = {
        **os.environ,
        "HOMEPORT_API": site.url(site.api_port),
        "HOMEPORT_GATEWAY": site.url(site.gateway_port),
        "HOMEPORT_TOKEN": site.token,
    }
    ran = subprocess.run(
        [BIN / "homeport", *arguments], env=env, capture_output=True, text=True, timeout=180, check=False
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def replicas_by_node(site: Site) -> dict[str, int]:
    return {node["spec"]["name"]: node["status"]["replicas"] for node in site.api("GET", "/nodes")["items"]}


def test_a_node_is_emptied_while_both_models_answer(tmp_path: Path) -> None:
    with Site(tmp_path) as site:
        site.start_server()
        parents = [{"compute_cluster": {"id": "home"}}, {"nodepool": NODEPOOL}]
        site.api("POST", "/apply", {"documents": parents})
        with agents(site, "one", "two"):
            for name, other, id in (("one", "two", "a"), ("two", "one", "b")):
                site.until(lambda: site.api("GET", f"/nodes/{name}")["status"]["status"] == "ready", name, 120)  # noqa: B023
                site.until(lambda: site.api("POST", f"/nodes/{other}/cordon", {}), f"{other} is cordoned", 120)  # noqa: B023
                site.api("POST", "/apply", {"documents": serves(id)})
                site.until(lambda: site.ask("x", f"/d/{id}/x")["body"] == "x", f"{id} answers", 120)  # noqa: B023
                site.api("POST", f"/nodes/{other}/uncordon", {})
            site.until(lambda: replicas_by_node(site) == {"one": 1, "two": 1}, "one replica on each", 120)

            done, answers = threading.Event(), []

            def ask_both() -> None:
                while not done.is_set():
                    for id in ("a", "b"):
                        try:
                            answers.append(site.ask("x", f"/d/{id}/x")["body"])
                        except OSError as error:
                            answers.append(repr(error))
                    done.wait(0.02)

            asking = threading.Thread(target=ask_both)
            asking.start()
            # A node that is not heard for a moment is left alone.
            site.until(lambda: site.api("POST", "/rebalance", {})["clearings"], "there is something to gain", 120)
            told = homeport(site, "rebalance", "--watch").splitlines()
            site.until(lambda: sorted(replicas_by_node(site).values()) == [0, 2], "one of them is empty", 120)
            done.set()
            asking.join()
            assert any(line.startswith("done: moves 1 of 2 replicas") for line in told), told
            assert len(answers) > 10 and set(answers) == {"x"}

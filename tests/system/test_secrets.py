"""Secrets from the API to a replica: there, and nowhere else. Values are planted, and everything is searched."""

import contextlib
import json
import shutil
import subprocess
import urllib.error
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.planted import files_below, found_in, planted, processes
from tests.system.conftest import BIN
from tests.system.site import Site, documents, replica_pids

pytestmark = [pytest.mark.system, pytest.mark.timeout(300)]

PATIENCE = 90.0


def _documents(**values: str) -> list[Any]:
    """The site's, with a model that is given a variable and a file."""
    found = documents()
    version = next(each["model_version"] for each in found if "model_version" in each)
    version["secrets"] = [
        {"id": "hub", "key": "token", "env_var": "HF_TOKEN"},
        {"id": "hub", "key": "cert.pem", "type": "file", "env_var": "CERT_FILE"},
    ]
    return [{"secret": {"id": "hub", "data": values}}, *found]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with Site(tmp_path) as site:
        yield site
        for pid in replica_pids(site.folder / "agent"):
            if "CERT_FILE" in _variables(pid):
                # .../homeport-AGENT/REPLICA/0/cert.pem: what is killed removes nothing.
                shutil.rmtree(Path(_variables(pid)["CERT_FILE"]).parents[2], ignore_errors=True)


def _start(site: Site, **values: str) -> None:
    site.start_server()
    site.api("POST", "/apply", {"documents": _documents(**values)})
    joined = site.join(site.new_join_token())
    assert joined.returncode == 0, joined.stderr
    site.start_agent()
    site.until(lambda: site.ask("warm")["body"] == "warm", "the first answer", PATIENCE)


def _environment(site: Site) -> dict[str, str]:
    """Of the one replica; empty while there is none, or another one comes."""
    pids = replica_pids(site.folder / "agent")
    return _variables(pids[0]) if len(pids) == 1 else {}


def _variables(pid: int) -> dict[str, str]:
    """Empty for one that has ended."""
    try:
        text = Path(f"/proc/{pid}/environ").read_text()
    except OSError:
        return {}
    return dict(pair.split("=", 1) for pair in text.split("\0") if "=" in pair)


def _run(site: Site, *arguments: str, stdin: str = "") -> tuple[str, bytes]:
    environment = {
        "PATH": "/usr/bin:/bin",
        "HOMEPORT_API": site.url(site.api_port),
        "HOMEPORT_TOKEN": site.token,
        "XDG_CONFIG_HOME": str(site.folder / "config"),
    }
    command = [str(BIN / "homeport"), *arguments]
    done = subprocess.run(command, capture_output=True, env=environment, input=stdin.encode(), timeout=60, check=False)
    return f"homeport {' '.join(arguments)}", done.stdout + done.stderr


def _answers(site: Site, again: dict[str, Any]) -> list[tuple[str, bytes]]:
    """What the API says of everything, and to whoever sends what is wrong."""
    lists = ("secrets", "models/echo/versions", "deployments", "deployments/echo/revisions", "placements", "replicas")
    answers = [(path, json.dumps(site.every(f"/{path}")).encode()) for path in (*lists, "nodes", "audit")]
    for method, path, body in (
        ("GET", "/secrets/hub", None),
        ("GET", "/secrets/hub/impact", None),
        ("POST", "/apply", {"documents": [{"secret": again}], "dry_run": True}),
        ("POST", "/apply", {"documents": [{"secret": {**again, "data": {"token": [again["data"]["token"]]}}}]}),
        ("POST", "/secrets", again),
        ("PATCH", "/secrets/hub", {"spec": {"data": again["data"]}, "generation": 7777}),
        ("PATCH", "/secrets/hub?force=true", {"spec": {"data": {"token": None}}}),
        ("PATCH", "/secrets/hub?force=true&dry_run=true", {"spec": again}),
        ("DELETE", "/secrets/hub", None),
    ):
        try:
            answer = json.dumps(site.api(method, path, body)).encode()
        except urllib.error.HTTPError as refusal:
            with contextlib.closing(refusal):
                answer = refusal.read()
        answers.append((f"{method} {path}", answer))
    return answers


def test_planted_values_are_in_the_replica_and_nowhere_else(site: Site) -> None:
    first = {"token": planted(), "cert.pem": planted()}
    _start(site, **first)
    seen = _environment(site)
    assert seen["HF_TOKEN"] == first["token"]
    assert Path(seen["CERT_FILE"]).read_text() == first["cert.pem"]

    second = planted()
    site.api("PATCH", "/secrets/hub?force=true", {"spec": {"data": {"token": second}}})
    site.until(lambda: _environment(site).get("HF_TOKEN") == second, "a replica with the new value", PATIENCE)
    site.until(lambda: site.ask("still")["body"] == "still", "an answer", PATIENCE)
    assert len(site.every("/deployments/echo/revisions")) == 2

    third = planted()
    answers = _answers(site, {"id": "hub", "data": {"token": third, "cert.pem": planted()}})
    said = [
        _run(site, "secret", "update", "hub", "--from-stdin", "unused", stdin=third),
        _run(site, "secret", "list"),
        _run(site, "secret", "get", "hub", "-o", "yaml"),
        _run(site, "get", "deployment/echo", "-o", "json"),
        _run(site, "logs", "echo"),
        _run(site, "audit", "-o", "json"),
    ]
    assert b"hub changed" in said[0][1] and b"unused" in said[2][1], said
    own = replica_pids(site.folder / "agent")
    values = [*first.values(), second, third]
    searched = [*files_below(site.folder), *answers, *said, *processes(without=own)]
    assert found_in(searched, values) == []
    searched_names = " ".join(where for where, _ in searched)
    for must in ("homeport.db", "homeport.db-wal", "state.db", "server.log", "agent.log", "cmdline"):
        assert must in searched_names, must
    # And so the search can find something.
    assert found_in([("replica", Path(f"/proc/{own[0]}/environ").read_bytes())], values) == ["replica"]


def test_a_host_without_a_link_starts_replicas_with_the_secrets_that_it_holds(site: Site) -> None:
    values = {"token": planted(), "cert.pem": planted()}
    _start(site, **values)
    site.kill(site.server)
    (before,) = replica_pids(site.folder / "agent")
    site.kill(site.agent)
    site.start_agent()
    subprocess.run(["kill", "-9", str(before)], check=True)

    def is_another() -> bool:
        pids = replica_pids(site.folder / "agent")
        return pids not in ([], [before]) and _environment(site).get("HF_TOKEN") == values["token"]

    site.until(is_another, "another replica with its secret", PATIENCE)
    assert Path(_environment(site)["CERT_FILE"]).read_text() == values["cert.pem"]


def test_the_master_key_is_needed_and_can_be_changed(site: Site) -> None:
    value = planted()
    site.start_server()
    site.api("POST", "/secrets", {"id": "hub", "data": {"token": value}})
    site.stop(site.server)
    key = site.data_dir / "master-key"
    kept = key.read_text()
    assert key.stat().st_mode & 0o777 == 0o600

    # tests/unit/secrets/test_vault.py has the others; each costs a start of the server.
    for wrong in (f"{'A' * 43}=\n", None):
        key.unlink()
        if wrong is not None:
            key.write_text(wrong)
        refused = subprocess.run(site.server_command(), capture_output=True, text=True, timeout=60, check=False)
        assert refused.returncode == 1
        assert "master key file" in refused.stderr and "restore" in refused.stderr
        assert wrong is None or key.read_text() == wrong
        key.write_text(kept)

    rotated = subprocess.run(
        [*site.server_command(), "--rotate-master-key"], capture_output=True, text=True, timeout=60, check=True
    )
    assert json.loads(rotated.stdout)["secrets"] == "1"
    assert key.read_text() != kept
    site.start_server()
    documents = [{"secret": {"id": "hub", "data": {"token": value}}}]
    (same,) = site.api("POST", "/apply", {"documents": documents})["results"]
    assert same["action"] == "unchanged"

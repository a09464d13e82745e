"""The command line against a real control plane: what a user types, and what a user gets wrong."""

import json
import re
import shlex
from pathlib import Path

import pytest
import yaml

from tests.system.conftest import RunningDev

pytestmark = [pytest.mark.system, pytest.mark.timeout(400), pytest.mark.xdist_group("dev")]

_ECHO = """
compute_cluster: {id: attic}
---
nodepool: {id: shelf, compute_cluster: {id: attic}, max_instances: 3}
---
model: {id: echo}
---
model_version: {id: v1, model: {id: echo}, command: [python3, -m, http.server, "{port}"]}
---
deployment:
  id: echo
  worker: {model: {id: echo, model_version: {id: v1}}}
  nodepools: [{id: shelf, compute_cluster: {id: attic}}]
"""


def test_objects_from_birth_to_end(dev: RunningDev, tmp_path: Path) -> None:
    file = tmp_path / "echo.yaml"
    file.write_text(_ECHO)
    home = dev.home
    dry = home.homeport(f"apply -f {file} --dry-run")
    assert dry.stdout.count("created (dry run)") == 5, dry.stderr
    assert home.homeport("cluster get attic").returncode == 1
    assert home.homeport(f"apply -f {file}").stdout.count(" created\n") == 5
    assert home.homeport(f"apply -f {file}").stdout.count(" unchanged\n") == 5
    pending = home.homeport("deployment get echo")
    assert "pending" in pending.stdout
    shown = home.homeport("get deployment/echo -o yaml")
    assert (
        home.shell(f"echo {shlex.quote(shown.stdout)} | .venv/bin/homeport apply -f -").stdout
        == "deployment/echo unchanged\n"
    )
    token = json.loads(home.homeport("join-token create --nodepool attic/shelf -o json").stdout)
    assert token["token"].startswith("hp1.")
    listed = home.homeport("join-token list -o json").stdout
    assert token["id"] in listed
    assert token["token"].split(".")[2] not in listed
    refused = home.homeport("delete cluster/attic --yes")
    assert (refused.returncode, "error: in_use" in refused.stderr) == (1, True)
    for reference in ("deployment/echo", "version/echo/v1", "model/echo", f"join-token/{token['id']}"):
        assert home.homeport(f"delete {reference} --yes").returncode == 0, reference
    for reference in ("nodepool/attic/shelf", "cluster/attic"):
        assert home.homeport(f"delete {reference} --yes").returncode == 0, reference


@pytest.mark.parametrize(
    ("text", "path", "hint"),
    [
        ("model: {id: x, descripton: y}", "model.descripton", "did you mean description"),
        ("nodepool: {id: p, compute_cluster: {id: half}, max_instances: 0}", "nodepool.max_instances", "got 0"),
        ("model: {id: 'not an id'}", "model.id", "letters, digits"),
        ("model: {id: 7}", "model.id", "quotes"),
        ("modell: {id: m}", "", "did you mean model"),
    ],
)  # fmt: skip
def test_bad_input_names_the_field_and_leaves_nothing(dev: RunningDev, text: str, path: str, hint: str) -> None:
    both = f"compute_cluster: {{id: half}}\n---\n{text}\n"
    ran = dev.home.shell(f"echo {shlex.quote(both)} | .venv/bin/homeport apply -f -")
    assert (ran.returncode, ran.stdout) == (1, "")
    assert f"path:    standard input (document 2){': ' + path if path else ''}\n" in ran.stderr
    assert hint in ran.stderr
    assert "half" not in dev.home.homeport("cluster list").stdout


def test_duplicates_and_missing_parents(dev: RunningDev) -> None:
    twice = dev.home.homeport("model create smollm2")
    assert "error: already_exists" in twice.stderr
    orphan = dev.home.homeport("deployment create x --model smollm3 --nodepool dev/laptop")
    assert (orphan.returncode, "did you mean smollm2" in orphan.stderr) == (1, True), orphan.stderr
    second = dev.home.homeport("deployment create other --model smollm2 --nodepool dev/laptop")
    assert (second.returncode, "smollm2-chat" in second.stderr) == (1, True), second.stderr


def test_an_unknown_deployment_gets_near_matches_from_the_gateway(dev: RunningDev) -> None:
    ran = dev.home.homeport("chat smolm2-chat Hello")
    assert (ran.returncode, ran.stdout) == (1, "")
    assert "error: not_found" in ran.stderr
    assert "smollm2-chat" in ran.stderr


def test_logs_come_from_the_model(dev: RunningDev) -> None:
    ran = dev.home.homeport("logs smollm2-chat --tail 50")
    assert "serving SmolLM2" in ran.stdout, ran.stderr


def test_deploy_prints_what_it_applies(dev: RunningDev) -> None:
    ran = dev.home.homeport("deploy smollm2 --id smollm2-chat --min 1 --max 1")
    assert ran.returncode == 0, ran.stderr
    assert yaml.safe_load(ran.stdout)["deployment"]["id"] == "smollm2-chat"
    assert re.fullmatch(r"deployment/smollm2-chat (configured|unchanged)\n", ran.stderr)
    assert dev.home.homeport("apply -f examples/deployment.yaml").returncode == 0  # as the other tests know it


def test_a_wrong_token_is_an_error_with_a_hint(dev: RunningDev) -> None:
    ran = dev.home.shell("HOMEPORT_TOKEN=hp1.a.b .venv/bin/homeport status")
    assert ran.returncode == 1
    assert "error: unauthenticated" in ran.stderr


def test_the_python_sdk(dev: RunningDev) -> None:
    code = (
        "from homeport.client import Client\n"
        "with Client() as homeport:\n"
        "    print([d.status['phase'] for d in homeport.deployments.list() if d.id == 'smollm2-chat'])\n"
        "    print(''.join(homeport.chat('smollm2', [{'role': 'user', 'content': 'Hi'}], max_tokens=8)) != '')\n"
    )
    ran = dev.home.shell(f".venv/bin/python -c {shlex.quote(code)}")
    assert ran.stdout == "['ready']\nTrue\n", ran.stderr

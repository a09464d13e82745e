"""Words that people bring along from other commands lead to the same verbs."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.fakes.api import ScriptedApi, resource
from tests.unit.cli.conftest import Cli

SEEDS = Path(__file__).resolve().parents[3] / "examples" / "seeds"
_ITEMS = {"items": [], "seq": 1}


@pytest.mark.parametrize(
    ("arguments", "method", "path"),
    [
        (["computecluster", "list"], "GET", "/clusters"),
        (["cc", "ls"], "GET", "/clusters"),
        (["cc", "rm", "office", "--yes"], "DELETE", "/clusters/office"),
        (["np", "ls", "office"], "GET", "/nodepools"),
        (["np", "rm", "office", "gpu", "--yes"], "DELETE", "/nodepools/office/gpu"),
        (["nodepool", "get", "office/gpu", "-o", "json"], "GET", "/nodepools/office/gpu"),
        (["dp", "ls", "gpu"], "GET", "/deployments"),
        (["dp", "status", "chat", "-o", "json"], "GET", "/deployments/chat"),
        (["dp", "rm", "chat", "-y"], "DELETE", "/deployments/chat"),
        (["li", "--cloud", "aws"], "GET", "/instance-types"),
        (["list-instances"], "GET", "/instance-types"),
        (["node", "ls"], "GET", "/nodes"),
    ],
)
def test_other_words_for_the_same(cli: Cli, api: ScriptedApi, arguments: list[str], method: str, path: str) -> None:
    api.answer(method, path.lstrip("/"), b"" if method == "DELETE" else {**_ITEMS, **resource("x", "x", {})})
    ran = cli(*arguments)
    assert ran.code == 0, ran.err
    assert (api.asked[-1].method, api.asked[-1].path) == (method, path)


def test_filters_of_the_other_forms(cli: Cli, api: ScriptedApi) -> None:
    for path in ("nodepools", "deployments", "instance-types"):
        api.answer("GET", path, _ITEMS)
    cli("np", "ls", "office")
    cli("dp", "ls", "office/gpu", "--phase", "failed", "--label", "a=b", "-q", "x", "--sort", "-id")
    cli("li", "--cloud", "aws", "--gpu", "A10G", "--min-gpus", "2", "--min-gpu-mem", "24Gi")
    asked = [{key: value for key, value in each.query.items() if key != "limit"} for each in api.asked]
    assert asked == [
        {"cluster": "office"},
        {"nodepool": "office/gpu", "phase": "failed", "label": "a=b", "q": "x", "sort": "-id"},
        {
            "cloud_provider": "aws",
            "accelerator_type": "A10G",
            "min_accelerators": "2",
            "min_accelerator_memory": "24Gi",
        },
    ]


def test_a_cluster_from_the_seeds_file(cli: Cli, api: ScriptedApi) -> None:
    api.answer("POST", "clusters", resource("cluster", "mine", {}), 201)
    assert cli("computecluster", "create", "mine", "--config", str(SEEDS / "compute_cluster_config.yaml")).code == 0
    written = yaml.safe_load((SEEDS / "compute_cluster_config.yaml").read_text())["compute_cluster"]
    assert api.asked[0].body == {**written, "id": "mine"}


def test_a_nodepool_from_the_seeds_file(cli: Cli, api: ScriptedApi) -> None:
    api.answer("POST", "nodepools", resource("nodepool", "mine/gpu", {}), 201)
    assert cli("np", "c", "mine", "gpu", "--config", str(SEEDS / "nodepool_config.yaml")).code == 0
    assert api.asked[0].body["compute_cluster"] == {"id": "mine"}
    assert api.asked[0].body["id"] == "gpu"
    assert api.asked[0].body["node_capacity_type"] == {"capacity_types": [1, 2]}


def test_a_deployment_from_the_seeds_file(cli: Cli, api: ScriptedApi) -> None:
    pool = resource("nodepool", "test-compute-cluster/test-nodepool", {})
    api.answer("GET", "nodepools", {"items": [pool], "seq": 1})
    api.answer("POST", "deployments", resource("deployment", "mine", {}), 201)
    file = str(SEEDS / "deployment_config.yaml")
    ran = cli("dp", "c", "test-nodepool", "mine", "--config", file)
    assert (ran.code, ran.out) == (0, "deployment mine created\n")
    assert api.asked[1].body["id"] == "mine"
    ran = cli("dp", "c", "office/gpu", "mine", "--config", file)
    assert "the file deploys to test-compute-cluster/test-nodepool" in ran.err


def test_a_deployment_from_flags_on_a_nodepool(cli: Cli, api: ScriptedApi) -> None:
    api.answer("POST", "deployments", resource("deployment", "chat", {}), 201)
    flags = ["--model", "m/v1", "--environment", "staging", "--residency", "country=de", "--create-missing"]
    assert cli("deployment", "create", "office/gpu", "chat", *flags).code == 0
    assert api.asked[0].body == {
        "id": "chat",
        "worker": {"model": {"id": "m", "model_version": {"id": "v1"}}},
        "nodepools": [{"id": "gpu", "compute_cluster": {"id": "office"}}],
        "environment": "staging",
        "residency": {"country": "de"},
    }
    assert api.asked[0].query == {"create_missing": "true"}


@pytest.mark.parametrize(
    ("arguments", "body", "said"),
    [
        (["stop", "chat"], {}, "deployment chat stopped"),
        (["start", "chat"], {}, "deployment chat started"),
        (["restart", "chat"], {}, "deployment chat restarting"),
        (["scale", "chat", "3"], {"replicas": 3}, "deployment chat scaled to 3"),
        (["scale", "chat", "0"], {"replicas": 0}, "deployment chat scaled to 0"),
        (["scale", "chat", "--min", "0"], {"min_replicas": 0}, "deployment chat has new bounds"),
        (["scale", "chat", "--auto"], {"auto": True}, "deployment chat is scaled by its traffic"),
        (
            ["split", "chat", "3=90", "r4=10%"],
            {"traffic_split": [{"revision": 3, "percent": 90}, {"revision": 4, "percent": 10}], "dry_run": False},
            "deployment chat sends 90 % to r3, 10 % to r4",
        ),
        (
            ["split", "chat", "--revision", "4", "--percent", "0", "--dry-run"],
            {"revision": 4, "percent": 0, "dry_run": True},
            "deployment chat would send 90 % to r3, 10 % to r4",
        ),
        (
            ["split", "chat", "--newest"],
            {"traffic_split": [], "dry_run": False},
            "deployment chat sends 90 % to r3, 10 % to r4",
        ),
        (["promote", "chat"], {"dry_run": False}, "deployment chat sends 90 % to r3, 10 % to r4"),
        (
            ["rollback", "chat", "--revision", "2"],
            {"revision": 2, "dry_run": False},
            "deployment chat sends 90 % to r3, 10 % to r4",
        ),
    ],
)
def test_the_verbs_of_a_deployment(
    cli: Cli, api: ScriptedApi, arguments: list[str], body: dict[str, Any], said: str
) -> None:
    divided = [{"revision": 3, "percent": 90}, {"revision": 4, "percent": 10}]
    answer = resource("deployment", "chat", {"id": "chat", "traffic_split": divided})
    api.answer("POST", f"deployments/chat/{arguments[0]}", answer)
    assert cli("deployment", *arguments).out == f"{said}\n"
    assert api.asked[0].body == body


@pytest.mark.parametrize("arguments", [[], ["3"], ["3=90", "--newest"], ["--revision", "4"], ["--percent", "4"]])
def test_a_division_says_one_thing(cli: Cli, api: ScriptedApi, arguments: list[str]) -> None:
    assert cli("deployment", "split", "chat", *arguments).code == 2
    assert api.asked == []


def test_revisions_are_listed_with_what_they_get(cli: Cli, api: ScriptedApi) -> None:
    facts = {"model": "m", "model_version": "v1"}
    api.answer(
        "GET", "deployments/chat/revisions", {"items": [resource("revision", f"chat/{n}", facts) for n in (3, 4)]}
    )
    running = {"revision": 4, "percent": 10, "wanted": 50, "ready": 1, "waits_for": 2}
    chat = resource("deployment", "chat", {"id": "chat"})
    api.answer("GET", "deployments/chat", {**chat, "status": {"traffic_split": [running]}})
    lines = [line.split() for line in cli("deployment", "revisions", "chat").out.splitlines()]
    assert lines[1][0::3][:2] == ["r3", "-"]
    assert lines[2][3:] == ["10", "%,", "50", "%", "to", "come", "1", "ready", "of", "2", "that", "it", "waits", "for"]


def test_autoscaling_is_paused_and_resumed(cli: Cli, api: ScriptedApi) -> None:
    spec = {"id": "chat", "autoscale_config": {"min_replicas": 0, "max_replicas": 8, "replicas": 3}}
    api.answer("POST", "deployments/chat/pause-autoscaling", resource("deployment", "chat", spec))
    api.answer("POST", "deployments/chat/scale", resource("deployment", "chat", {"id": "chat"}))
    assert cli("deployment", "pause-autoscaling", "chat").out == "deployment chat stays at 3 replicas\n"
    assert cli("deployment", "resume-autoscaling", "chat").out == "deployment chat is scaled by its traffic\n"
    assert cli("scale", "chat", "--auto").out == "deployment chat is scaled by its traffic\n"
    assert [asked.body for asked in api.asked] == [{}, {"auto": True}, {"auto": True}]


def test_an_instance_type_and_a_dedicated_nodepool_from_flags(cli: Cli, api: ScriptedApi) -> None:
    api.answer("POST", "instance-types", resource("instance_type", "rack-a", {}), 201)
    api.answer("POST", "nodepools", resource("nodepool", "office/gpu", {}), 201)
    has = ["--cpu", "32", "--gpus", "4", "--gpu-type", "NVIDIA-L40S", "--gpu-memory", "48Gi", "--price-per-hour", "0"]
    assert cli("instance-type", "create", "rack-a", *has).code == 0
    assert cli("nodepool", "create", "office/gpu", "--instance-type", "rack-a", "--project", "vision").code == 0
    assert api.asked[0].body == {
        "id": "rack-a",
        "compute_info": {
            "cpu_limit": "32",
            "num_accelerators": 4,
            "accelerator_type": ["NVIDIA-L40S"],
            "accelerator_memory": "48Gi",
        },
        "price_per_hour": 0.0,
    }
    assert api.asked[1].body["tenancy"] == "dedicated"

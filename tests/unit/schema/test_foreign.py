"""Files of other systems: accepted as they are, and what is not supported yet says what to do instead."""

from pathlib import Path
from typing import Any

import pytest

from homeport.core.errors import HomeportError
from homeport.schema.base import ApiModel
from homeport.schema.changes import recorded_fields
from homeport.schema.cluster import ClusterSpec
from homeport.schema.deployment import DeploymentSpec
from homeport.schema.documents import DOCUMENT_KINDS, load_documents, parse_documents
from homeport.schema.model import ModelSpec
from homeport.schema.nodepool import NodepoolSpec

ROOT = Path(__file__).parents[3]
SEEDS = ROOT / "examples" / "seeds"
WORKER: dict[str, Any] = {"model": {"id": "m"}}
POOL: dict[str, Any] = {"id": "p", "compute_cluster": {"id": "c"}}


def parse(text: str) -> ApiModel:
    return parse_documents(load_documents(text))[0][1]


def deployment(**more: Any) -> DeploymentSpec:
    spec = parse_documents([{"deployment": {"id": "d", "worker": WORKER, "nodepools": [POOL], **more}}])[0][1]
    assert isinstance(spec, DeploymentSpec)
    return spec


def refused(document: dict[str, Any]) -> HomeportError:
    with pytest.raises(HomeportError) as caught:
        parse_documents([document])
    return caught.value


def test_a_cluster_file_is_accepted_as_it_is() -> None:
    spec = parse((SEEDS / "compute_cluster_config.yaml").read_text())
    assert isinstance(spec, ClusterSpec)
    assert spec.cloud_provider is not None
    assert (spec.kind, spec.cloud_provider.id, spec.region) == ("cloud", "aws", "us-east-1")
    assert spec.visibility is not None
    assert spec.visibility.gettable == "PRIVATE"
    assert recorded_fields(spec) == ["managed_by", "cluster_type", "visibility"]


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ({}, "on-prem"),
        ({"cloud_provider": {"id": "local"}, "managed_by": "user", "cluster_type": "local-dev"}, "on-prem"),
        ({"cloud_provider": {"id": "aws"}, "managed_by": "user"}, "vpc"),
        ({"cloud_provider": {"id": "gcp"}, "managed_by": "clarifai"}, "cloud"),
        ({"cloud_provider": {"id": "gcp"}, "kind": "edge"}, "edge"),
    ],
)
def test_a_clusters_kind_follows_from_its_provider(words: dict[str, Any], kind: str) -> None:
    spec = parse_documents([{"compute_cluster": {"id": "c", **words}}])[0][1]
    assert isinstance(spec, ClusterSpec)
    assert spec.kind == kind


def test_a_nodepool_file_lacks_only_what_its_parent_is() -> None:
    (document,) = load_documents((SEEDS / "nodepool_config.yaml").read_text())
    assert refused(document).path == "[0].nodepool.compute_cluster"
    document["nodepool"]["compute_cluster"] = {"id": "c", "user_id": "u"}
    spec = parse_documents([document])[0][1]
    assert isinstance(spec, NodepoolSpec)
    assert spec.node_capacity_type is not None
    assert spec.node_capacity_type.capacity_types == ["ON_DEMAND_TYPE", "SPOT_TYPE"]
    assert recorded_fields(spec) == ["compute_cluster.user_id"]


def test_a_deployment_file_is_accepted_as_it_is() -> None:
    spec = parse((SEEDS / "deployment_config.yaml").read_text())
    assert isinstance(spec, DeploymentSpec)
    assert (spec.scheduling_choice, spec.autoscale_config.disable_packing) == ("PERFORMANCE", False)
    assert spec.scaling().scale_down_delay_seconds == 30


def test_a_newer_deployment_file_is_accepted_as_it_is() -> None:
    scaling = {
        "min_replicas": 0, "max_replicas": 1, "traffic_history_seconds": 100, "scale_down_delay_seconds": 30,
        "scale_up_delay_seconds": 30, "scale_to_zero_delay_seconds": 50, "disable_packing": True,
        "soft_min_replicas": 0,
    }  # fmt: skip
    spec = deployment(
        user_id="u",
        autoscale_config=scaling,
        worker={"model": {"id": "m", "model_version": {"id": "v"}, "user_id": "u", "app_id": "a"}},
        scheduling_choice=6,
        nodepools=[{"id": "p", "compute_cluster": {"id": "c", "user_id": "u"}}],
        deploy_latest_version=False,
        visibility={"gettable": 50},
    )
    assert spec.nodepools[0].key == "c/p"
    assert spec.scaling().disable_packing


def test_a_models_config_file_is_one_model() -> None:
    spec = parse((SEEDS / "model" / "config.yaml").read_text())
    assert isinstance(spec, ModelSpec)
    assert spec.build_info is not None
    assert spec.build_info.python_version == "3.12"
    assert "checkpoints" in recorded_fields(spec)


def test_secrets_in_files_are_not_kept() -> None:
    text = """
model: {id: m}
checkpoints: {repo_id: org/name, hf_token: hf_geheim}
secrets: [{id: s, type: env, env_var: TOKEN, value: geheim, description: for the hub}]
num_threads: 16
toolkit: {provider: ollama}
compute: {instance: g5.xlarge, cloud: aws, region: us-east-1, num_gpus: 1}
concepts: [{id: "0", name: bus}]
"""
    spec = parse(text)
    assert "geheim" not in spec.model_dump_json()
    assert spec.model_dump()["secrets"][0]["value"] == "(not kept)"
    again = ModelSpec.model_validate(spec.model_dump(mode="json"))
    assert again == spec


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("model: {id: m, num_threads: 1}\nnum_threads: 2", "'num_threads' stands under `model` and beside it"),
        ("model: {id: m}\nbuild: {}", "one root key"),
        ("build_info: {}\nnum_threads: 1", "one root key"),
    ],
)
def test_what_is_no_models_config_file(text: str, says: str) -> None:
    with pytest.raises(HomeportError, match=says):
        load_documents(text)


@pytest.mark.parametrize("worker", [{"workflow": {"id": "w"}}, {"user": {"id": "u"}}, {**WORKER, "workflow": {}}])
def test_workers_that_are_no_model_are_refused_with_what_to_do_instead(worker: dict[str, Any]) -> None:
    error = refused({"deployment": {"id": "d", "worker": worker, "nodepools": [POOL]}})
    assert error.path == "[0].deployment.worker"
    assert "not supported yet" in error.message
    assert "deployment of its own" in error.message


@pytest.mark.parametrize("word", ["priority", "sequence"])
def test_nodepools_with_priorities_become_a_list_in_order(word: str) -> None:
    given = [
        {**POOL, "id": "last", word: 3},
        {"nodepool": {**POOL, "id": "first"}, word: 1},
        {"nodepool": {"id": "second"}, "compute_cluster": {"id": "c"}, word: 2},
    ]
    body = {"id": "d", "worker": WORKER, "deployment_nodepools": given}
    spec = parse_documents([{"deployment": body}])[0][1]
    assert isinstance(spec, DeploymentSpec)
    assert [pool.key for pool in spec.nodepools] == ["c/first", "c/second", "c/last"]
    assert "not both" in refused({"deployment": {**body, "nodepools": [POOL]}}).message
    given[0][word] = "high"
    assert "whole number" in refused({"deployment": body}).message


def test_packing_can_be_said_in_the_older_way_but_not_in_both() -> None:
    assert deployment(autoscale_config={"enable_packing": False}).autoscale_config.disable_packing
    both = {"enable_packing": True, "disable_packing": True}
    error = refused({"deployment": {"id": "d", "worker": WORKER, "nodepools": [POOL], "autoscale_config": both}})
    assert "not both" in error.message


@pytest.mark.parametrize(("given", "name"), [(1, "FAIL"), (8, "PREFER_ONDEMAND"), ("price", "PRICE")])
def test_numbers_and_names_are_the_same(given: Any, name: str) -> None:
    assert deployment(scheduling_choice=given).scheduling_choice == name


@pytest.mark.parametrize("given", [0, 9, "BEST", True, 4.0, None, [4]])
def test_other_numbers_and_names_are_refused_with_all_that_there_are(given: Any) -> None:
    error = refused({"deployment": {"id": "d", "worker": WORKER, "nodepools": [POOL], "scheduling_choice": given}})
    assert error.path == "[0].deployment.scheduling_choice"
    assert error.message.startswith("must be 1 (FAIL), 2 (RANDOM), ")


def test_the_table_of_foreign_words_has_all_that_are_only_recorded() -> None:
    """Of the words that have another system's meaning; ours are in fields.md."""
    table = (ROOT / "docs" / "foreign-words.md").read_text()
    ours = {"credential", "protocol", "network_bandwidth_mbps"}
    for kind in DOCUMENT_KINDS.values():
        for name, field in kind.model_fields.items():
            tags = field.json_schema_extra
            if isinstance(tags, dict) and tags.get("x-effect") == "recorded" and name not in ours:
                assert f"`{name}" in table or f".{name}" in table, name

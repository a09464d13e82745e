from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeport.schema.base import Change
from homeport.schema.changes import changes_between, recorded_fields
from homeport.schema.cluster import ClusterSpec
from homeport.schema.deployment import DeploymentSpec
from homeport.schema.documents import DOCUMENT_KINDS
from homeport.schema.field_reference import field_reference
from homeport.schema.nodepool import NodepoolSpec

BASE: dict[str, Any] = {
    "id": "chat",
    "worker": {"model": {"id": "m"}},
    "nodepools": [{"id": "p", "compute_cluster": {"id": "c"}}],
}


def plain(**more: Any) -> dict[str, Any]:
    return DeploymentSpec.model_validate({**BASE, **more}).model_dump(mode="json")


@pytest.mark.parametrize(
    ("after", "path", "change"),
    [
        ({"id": "other"}, "id", Change.IMMUTABLE),
        ({"worker": {"model": {"id": "n"}}}, "worker.model.id", Change.IMMUTABLE),
        ({"worker": {"model": {"id": "m", "model_version": {"id": "v"}}}}, "worker.model.model_version",
         Change.ROLLOUT),
        ({"worker": {"model": {"id": "m", "user_id": "u"}}}, "worker.model.user_id", Change.LIVE),
        ({"env": {"A": "1"}}, "env", Change.ROLLOUT),
        ({"compute_info": {"cpu_limit": "2"}}, "compute_info", Change.ROLLOUT),
        ({"state": "stopped"}, "state", Change.LIVE),
        ({"autoscale_config": {"max_replicas": 3}}, "autoscale_config.max_replicas", Change.LIVE),
        ({"autoscale_config": {"targets": {"cpu_percent": 70}}}, "autoscale_config.targets.cpu_percent", Change.LIVE),
        ({"nodepools": [{"id": "q", "compute_cluster": {"id": "c"}}]}, "nodepools", Change.LIVE),
        ({"residency": {"region": "eu"}}, "residency", Change.LIVE),
    ],
)  # fmt: skip
def test_each_change_says_where_it_is_and_what_it_means(after: dict[str, Any], path: str, change: Change) -> None:
    (found,) = changes_between(DeploymentSpec, plain(), plain(**after))
    assert (found.path, found.change) == (path, change)


def test_a_shared_block_means_what_its_holder_means() -> None:
    before, after = plain(compute_info={"cpu_limit": "1"}), plain(compute_info={"cpu_limit": "2"})
    (found,) = changes_between(DeploymentSpec, before, after)
    assert (found.path, found.change, found.before, found.after) == (
        "compute_info.cpu_limit", Change.ROLLOUT, "1", "2")  # fmt: skip


def test_what_may_not_change_says_why() -> None:
    pools = [{"id": "p", "compute_cluster": {"id": cluster}} for cluster in ("c", "d")]
    (found,) = changes_between(NodepoolSpec, *pools)
    assert (found.path, found.change) == ("compute_cluster.id", Change.IMMUTABLE)
    assert "one place" in found.reason


def test_a_spec_of_an_older_release_lacks_fields_and_has_not_changed() -> None:
    assert changes_between(DeploymentSpec, BASE, plain()) == []


@given(st.sampled_from(list(DOCUMENT_KINDS.values())), st.dictionaries(st.text(max_size=3), st.text(max_size=3)))
def test_a_spec_does_not_differ_from_itself(kind: Any, body: dict[str, str]) -> None:
    assert changes_between(kind, body, body) == []


def test_recorded_fields_are_those_that_say_something() -> None:
    assert recorded_fields(DeploymentSpec.model_validate(BASE)) == []
    said = {
        "scheduling_choice": 3,
        "load_balancer": {"algorithm": "least_connections"},
        "autoscale_config": {"targets": {"gpu_percent": 80}, "max_replicas": 4},
        "update_strategy": {"max_surge": 2},
    }
    assert recorded_fields(DeploymentSpec.model_validate({**BASE, **said})) == [
        "update_strategy.max_surge"]  # fmt: skip


def test_every_field_that_a_document_has_is_in_the_reference() -> None:
    text = field_reference()
    for field in (
        "autoscale_config.targets.gpu_percent",
        "worker.model.model_version.id",
        "nodepools[].compute_cluster.id",
        "update_strategy.canary_steps[].percent",
        "container.ulimits[].name",
    ):
        assert f"`{field}`" in text
    deployment = text[text.index("## deployment") :]
    row = next(line for line in deployment.splitlines() if line.startswith("| `compute_info.cpu_limit` | "))
    assert "| rollout |" in row
    assert "Fixed: it is part of the deployment's address" in text


@pytest.mark.parametrize(
    ("labels", "is_right"),
    [
        ({"region": "eu-west-1"}, True),
        ({"example.com/team": "Bild & Ton"}, True),
        ({"a": ""}, True),
        ({"": "x"}, False),
        ({"-a": "x"}, False),
        ({"a": "x=y"}, False),
        ({"a": "x,y"}, False),
        ({"a": "x\ny"}, False),
        ({str(number): "x" for number in range(65)}, False),
    ],
)
def test_labels(labels: dict[str, str], is_right: bool) -> None:
    body = {"id": "c", "labels": labels}
    if is_right:
        assert ClusterSpec.model_validate(body).labels == labels
    else:
        with pytest.raises(ValueError, match="label"):
            ClusterSpec.model_validate(body)

from typing import Any

import pytest
import yaml

from homeport.cli.deployment_spec import DeploymentFlags, deployment_spec
from homeport.schema.documents import parse_documents
from tests.fakes.api import ScriptedApi, resource
from tests.unit.cli.conftest import Cli

_APPLIED = {"results": [{"kind": "deployment", "id": "smollm2", "action": "created"}], "seq": 1}


def test_what_it_prints_is_what_it_applied(cli: Cli, api: ScriptedApi) -> None:
    api.answer("GET", "nodepools", {"items": [resource("nodepool", "office/gpu", {})], "seq": 1})
    api.answer("POST", "apply", _APPLIED)
    ran = cli("deploy", "smollm2/v1", "--min", "0", "--max", "4", "--env", "A=b")
    assert ran.err == "deployment/smollm2 created\n"
    printed = yaml.safe_load(ran.out)
    assert api.asked[1].body["documents"] == [printed]
    ((root, spec),) = parse_documents([printed])
    assert root == "deployment"
    assert spec.model_dump(exclude_defaults=True)["nodepools"] == [{"id": "gpu", "compute_cluster": {"id": "office"}}]


@pytest.mark.parametrize(
    ("pools", "words"), [([], "no nodepool to deploy to"), (["a/x", "b/y"], "choose with --nodepool: a/x, b/y")]
)
def test_the_nodepool_must_be_clear(cli: Cli, api: ScriptedApi, pools: list[str], words: str) -> None:
    api.answer("GET", "nodepools", {"items": [resource("nodepool", pool, {}) for pool in pools], "seq": 1})
    ran = cli("deploy", "smollm2")
    assert (ran.code, ran.out) == (1, "")
    assert words in ran.err


@pytest.mark.parametrize(
    ("minimum", "maximum", "bounds"),
    [
        (None, None, None),
        (0, None, {"min_replicas": 0, "max_replicas": 1}),
        (3, None, {"min_replicas": 3, "max_replicas": 3}),
        (None, 5, {"max_replicas": 5}),
        (None, 0, {"min_replicas": 0, "max_replicas": 0}),
        (2, 1, {"min_replicas": 2, "max_replicas": 1}),
    ],
)
def test_one_bound_implies_the_other_only_where_it_must(
    minimum: int | None, maximum: int | None, bounds: dict[str, Any] | None
) -> None:
    spec = deployment_spec("chat", DeploymentFlags("smollm2", ["office/gpu"], minimum, maximum))
    assert spec.get("autoscale_config") == bounds
    assert spec["worker"] == {"model": {"id": "smollm2"}}

"""What a write of a deployment means: changes, revisions, verbs."""

import pytest

from controlplane.fleet.accept import Action
from controlplane.fleet.deployment_verbs import (
    restart_deployment,
    scale_deployment,
    start_deployment,
    stop_deployment,
)
from controlplane.fleet.deployments import accept_deployment
from controlplane.fleet.revisions import workload_of
from controlplane.store.store import Kind
from homeport.core.errors import ErrorCode, HomeportError
from homeport.core.resources import ComputeNeeds
from homeport.schema.deployment import DeploymentSpec
from homeport.schema.edits import ScaleRequest
from tests.fakes.fleet_site import Site, deployment, version


def revision_of(site: Site, id: str = "chat") -> int:
    number: int = site.get(Kind.DEPLOYMENT, id).status["revision"]
    return number


def version_of(site: Site) -> str:
    name: str = site.get(Kind.REVISION, f"chat/{revision_of(site)}").spec["model_version"]
    return name


async def test_a_live_edit_makes_no_revision_and_is_told_as_live(site: Site) -> None:
    await site.deploy()
    (done,) = await site.deploy(hold_seconds=5, autoscale_config={"max_replicas": 4})
    assert done.action is Action.CONFIGURED
    assert [(c.path, c.change.value, c.before, c.after) for c in done.changes] == [
        ("autoscale_config.max_replicas", "live", 1, 4),
        ("hold_seconds", "live", 60.0, 5.0),
    ]
    assert revision_of(site) == 1


async def test_needs_of_the_deployment_go_over_those_of_the_version(site: Site) -> None:
    await site.apply(version("v2", inference_compute_info={"cpu_limit": "1", "cpu_memory": "1Gi"}))
    await site.deploy()
    (done,) = await site.deploy(compute_info={"cpu_limit": "2500m", "num_accelerators": 1})
    assert [(c.path, c.change.value) for c in done.changes] == [("compute_info", "rollout")]
    workload = workload_of(site.get(Kind.REVISION, "chat/2"))
    assert workload.needs == ComputeNeeds(cpu_milli=2500, memory_bytes=2**30, accelerators=1)


async def test_a_spec_without_a_version_takes_the_newest_when_it_is_written_and_says_so(site: Site) -> None:
    await site.deploy()
    await site.apply(version("v2"))
    assert version_of(site) == "v1"
    (done,) = await site.deploy()
    (change,) = done.changes
    assert (change.path, change.before, change.after) == ("worker.model.model_version", {"id": "v1"}, {"id": "v2"})
    assert (done.action, version_of(site)) == (Action.CONFIGURED, "v2")


async def test_an_edit_of_something_else_keeps_the_version(site: Site) -> None:
    await site.deploy()
    await site.apply(version("v2"))
    spec = DeploymentSpec.model_validate(deployment(hold_seconds=1))
    done = await site.write(lambda tx: accept_deployment(tx, spec, keep_version=True))
    assert [change.path for change in done.changes] == ["hold_seconds"]
    assert version_of(site) == "v1"


async def test_who_wants_the_latest_gets_each_version_when_it_is_made(site: Site) -> None:
    await site.deploy(deploy_latest_version=True)
    await site.apply({"nodepool": {"id": "two", "compute_cluster": {"id": "office"}}})
    await site.deploy("steady", pool="two")
    await site.apply(version("v2"))
    assert version_of(site) == "v2"
    assert revision_of(site, "steady") == 1
    await site.apply(version("v2"))
    assert revision_of(site) == 2


async def test_the_latest_and_a_version_contradict_each_other(site: Site) -> None:
    worker = {"model": {"id": "m", "model_version": {"id": "v1"}}}
    error = await site.refused({"deployment": deployment(worker=worker, deploy_latest_version=True)})
    assert "contradict" in error.message


async def test_a_model_that_would_have_to_be_built_says_what_to_do(site: Site) -> None:
    await site.apply({"model": {"id": "raw", "build_info": {"python_version": "3.12"}}})
    error = await site.refused({"deployment": deployment(model="raw")})
    assert error.code is ErrorCode.NOT_FOUND
    assert "1/model.py is not supported yet" in error.message
    assert "homeport model version create raw/v1" in error.hint


async def test_a_fixed_field_says_why(site: Site) -> None:
    await site.apply({"model": {"id": "n"}}, version("v1", "n"))
    await site.deploy()
    error = await site.refused({"deployment": deployment(model="n")})
    assert (error.code, error.path) == (ErrorCode.CONFLICT, "[0].deployment.worker.model.id")
    assert "clients reach the model through this deployment" in error.message


async def test_stop_and_start_keep_bounds_and_revision(site: Site) -> None:
    await site.deploy(autoscale_config={"min_replicas": 2, "max_replicas": 5})
    await site.write(lambda tx: stop_deployment(tx, "chat"))
    spec = DeploymentSpec.model_validate(site.get(Kind.DEPLOYMENT, "chat").spec)
    assert (spec.scaling().min_replicas, spec.scaling().max_replicas) == (0, 0)
    assert spec.policy().scaling == spec.scaling()
    again = await site.write(lambda tx: stop_deployment(tx, "chat"))
    assert again.action is Action.UNCHANGED
    await site.write(lambda tx: start_deployment(tx, "chat"))
    spec = DeploymentSpec.model_validate(site.get(Kind.DEPLOYMENT, "chat").spec)
    assert (spec.scaling().min_replicas, spec.scaling().max_replicas, revision_of(site)) == (2, 5, 1)


async def test_scale_sets_one_or_both_bounds_in_order(site: Site) -> None:
    await site.deploy(autoscale_config={"min_replicas": 1, "max_replicas": 5, "scale_down_delay_seconds": 7})
    await site.write(lambda tx: scale_deployment(tx, "chat", ScaleRequest(max_replicas=8)))
    await site.write(lambda tx: scale_deployment(tx, "chat", ScaleRequest(min_replicas=3)))
    scaling = site.get(Kind.DEPLOYMENT, "chat").spec["autoscale_config"]
    assert (scaling["min_replicas"], scaling["max_replicas"], scaling["scale_down_delay_seconds"]) == (3, 8, 7.0)
    with pytest.raises(HomeportError) as caught:
        await site.write(lambda tx: scale_deployment(tx, "chat", ScaleRequest(min_replicas=9)))
    assert caught.value.path == "deployment.autoscale_config"


async def test_a_fixed_count_keeps_the_bounds_and_new_bounds_end_it(site: Site) -> None:
    def bounds() -> tuple[int, int]:
        scaling = DeploymentSpec.model_validate(site.get(Kind.DEPLOYMENT, "chat").spec).policy().scaling
        return scaling.min_replicas, scaling.max_replicas

    await site.deploy(autoscale_config={"min_replicas": 1, "max_replicas": 5})
    await site.write(lambda tx: scale_deployment(tx, "chat", ScaleRequest(replicas=3)))
    assert bounds() == (3, 3)
    await site.write(lambda tx: stop_deployment(tx, "chat"))
    assert bounds() == (0, 0)
    await site.write(lambda tx: start_deployment(tx, "chat"))
    assert bounds() == (3, 3)
    await site.write(lambda tx: scale_deployment(tx, "chat", ScaleRequest(auto=True)))
    assert bounds() == (1, 5)
    await site.write(lambda tx: scale_deployment(tx, "chat", ScaleRequest(replicas=0)))
    assert bounds() == (0, 0)
    await site.write(lambda tx: scale_deployment(tx, "chat", ScaleRequest(max_replicas=6)))
    assert (bounds(), revision_of(site)) == ((1, 6), 1)


async def test_a_restart_is_a_rollout_of_the_same_workload(site: Site) -> None:
    await site.deploy()
    await site.apply(version("v2"))
    for count in (1, 2):
        await site.write(lambda tx: restart_deployment(tx, "chat"))
        assert (revision_of(site), version_of(site)) == (count + 1, "v1")
    first, last = site.get(Kind.REVISION, "chat/1"), site.get(Kind.REVISION, "chat/3")
    assert first.spec["spec_hash"] != last.spec["spec_hash"]
    assert workload_of(last).restart == 2
    # What was restarted is not restarted again by an edit.
    worker = {"model": {"id": "m", "model_version": {"id": "v1"}}}
    await site.deploy(worker=worker, hold_seconds=1)
    assert revision_of(site) == 3


async def test_what_is_stopped_cannot_be_restarted(site: Site) -> None:
    await site.deploy(state="stopped")
    with pytest.raises(HomeportError, match="is stopped") as caught:
        await site.write(lambda tx: restart_deployment(tx, "chat"))
    assert caught.value.code is ErrorCode.CONFLICT
    assert "homeport deployment start chat" in caught.value.hint


@pytest.mark.parametrize("verb", [stop_deployment, start_deployment, restart_deployment])
async def test_verbs_on_what_does_not_exist_name_near_matches(site: Site, verb: object) -> None:
    await site.deploy()
    with pytest.raises(HomeportError, match="did you mean chat"):
        await site.write(lambda tx: verb(tx, "chta"))  # type: ignore[operator]

"""The SDK and the API are of one mind."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

import pytest

from homeport import AsyncClient, AsyncComputeCluster, AsyncNodepool, AsyncUser, Context, ErrorCode, HomeportError
from tests.fakes.control_api import DEPLOYMENT, ControlApi

SEEDS = Path(__file__).resolve().parents[3] / "examples" / "seeds"


@pytest.fixture
async def context() -> AsyncIterator[Context]:
    """Of an API that has a cluster, a nodepool, a model and its version."""
    async with ControlApi().running() as api:
        await api.put_parents()
        yield Context("test", api.url, api.url, api.token)


async def test_long_lists_come_whole_and_in_order(context: Context) -> None:
    async with AsyncClient(context) as homeport:
        labelled = [{"project": {"id": f"p{n:04}", "labels": {"odd": str(n % 2)}}} for n in range(1205)]
        for part in (labelled[:1000], labelled[1000:]):
            await homeport.apply(part)
        found = await homeport.projects.list(sort="-id", labels={"odd": "1"})
        assert [each.id for each in found] == [f"p{n:04}" for n in range(1203, 0, -2)]
        assert len(await homeport.projects.list()) == 1205
        assert [each.id for each in await homeport.projects.list(limit=2, q="P12")] == ["p1200", "p1201"]


async def test_a_conflicting_edit_has_both_sides(context: Context) -> None:
    async with AsyncClient(context) as homeport:
        read = await homeport.deployments.create(DEPLOYMENT)
        rehearsed = await homeport.deployments.edit("chat", {"env": {"A": "1"}}, generation=1, dry_run=True)
        assert (rehearsed.needs_restart, rehearsed.changes[0].change) == (True, "rollout")
        await homeport.deployments.scale("chat", max_replicas=3)
        with pytest.raises(HomeportError) as caught:
            patch = {"autoscale_config": {"max_replicas": 2}}
            await homeport.deployments.edit("chat", patch, generation=read.generation)
        assert caught.value.code is ErrorCode.CONFLICT
        assert caught.value.details["conflicts"] == [{"path": "autoscale_config.max_replicas", "yours": 2, "theirs": 3}]
        assert caught.value.details["current"]["spec"]["autoscale_config"]["max_replicas"] == 3
        forced = await homeport.deployments.edit("chat", {"description": "x"})
        assert forced.resource.spec["description"] == "x"


async def test_verbs_and_what_a_deletion_means(context: Context) -> None:
    async with AsyncClient(context) as homeport:
        await homeport.deployments.create(DEPLOYMENT)
        assert (await homeport.deployments.stop("chat")).status["phase"] == "stopped"
        assert (await homeport.deployments.start("chat")).status["phase"] == "pending"
        assert (await homeport.deployments.restart("chat")).status["revision"] == 2
        impact = await homeport.deployments.impact("chat")
        assert impact["stops"] == {"replicas": 0}
        assert [each["kind"] for each in impact["objects"]] == ["revision", "revision"]
        blocked = await homeport.nodepools.impact("office/gpu")
        assert blocked["blocked_by"] == [{"kind": "deployment", "id": "chat"}]


async def test_a_watch_sees_what_is_written(context: Context) -> None:
    async with AsyncClient(context) as homeport, aclosing(homeport.watch("deployments", "projects")) as steps:
        watched = await anext(steps)
        assert watched.objects == {"deployments": {}, "projects": {}}
        await homeport.deployments.create(DEPLOYMENT)
        watched = await anext(steps)
        assert [(change.op, change.kind, change.id) for change in watched.changes] == [("put", "deployment", "chat")]
        await homeport.deployments.delete("chat")
        watched = await anext(steps)
        assert [(change.op, change.id) for change in watched.changes] == [("delete", "chat")]


async def test_the_seeds_files(context: Context) -> None:
    cluster = await AsyncUser("me", context=context).create_compute_cluster(
        "test-compute-cluster", str(SEEDS / "compute_cluster_config.yaml")
    )
    await cluster.create_nodepool("test-nodepool", str(SEEDS / "nodepool_config.yaml"))
    nodepool = AsyncNodepool("test-nodepool", "me", context=context)
    with pytest.raises(HomeportError, match="model got-ocr-2_0 does not exist"):
        await nodepool.create_deployment("test-deployment", str(SEEDS / "deployment_config.yaml"))
    async with AsyncClient(context) as homeport:
        version = {"id": "5d92321db5d341b5b4cf407ab34f618f", "model": {"id": "got-ocr-2_0"}, "command": ["serve"]}
        await homeport.apply([{"model": {"id": "got-ocr-2_0"}}, {"model_version": version}])
    made = await nodepool.create_deployment("test-deployment", str(SEEDS / "deployment_config.yaml"))
    spec = (await made.get()).spec
    assert spec["scheduling_choice"] == "PERFORMANCE"
    assert [each.id for each in await nodepool.list_deployments()] == ["test-deployment"]
    assert len(await AsyncComputeCluster("test-compute-cluster", context=context).list_nodepools()) == 1

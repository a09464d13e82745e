"""Who may run where: told by a table, and held whichever of the three objects changes."""

from typing import Any

import pytest

from controlplane.fleet.projects import delete_project
from controlplane.fleet.tenancy import why_not
from controlplane.store.store import Kind
from homeport.core.errors import ErrorCode, HomeportError
from tests.fakes.fleet_site import Site, deployment

SHARED: dict[str, Any] = {"tenancy": "shared", "project": ""}
RED: dict[str, Any] = {"tenancy": "dedicated", "project": "red"}
NOT_SET, ANY, SHARED_ONLY, DEDICATED_ONLY, OWNER_ONLY = (
    "USAGE_RESTRICTION_NOT_SET",
    "NO_LIMITS",
    "SHARED_COMPUTE_ONLY",
    "DEDICATED_COMPUTE_ONLY",
    "MODEL_OWNER_DEDICATED_COMPUTE_ONLY",
)


@pytest.mark.parametrize(
    ("project", "restriction", "owner", "nodepool", "says"),
    [
        ("", NOT_SET, "", SHARED, ""),
        ("blue", ANY, "red", SHARED, ""),
        ("red", NOT_SET, "", RED, ""),
        ("blue", NOT_SET, "", RED, "dedicated to project red, and the deployment belongs to blue"),
        ("", ANY, "", RED, "belongs to none"),
        ("red", SHARED_ONLY, "", SHARED, ""),
        ("red", SHARED_ONLY, "", RED, "shared nodepools only"),
        ("red", DEDICATED_ONLY, "", RED, ""),
        ("red", DEDICATED_ONLY, "", SHARED, "dedicated nodepools only"),
        ("red", OWNER_ONLY, "red", RED, ""),
        ("red", OWNER_ONLY, "blue", RED, "dedicated to project blue"),
        ("red", OWNER_ONLY, "", RED, "it has none"),
        ("red", OWNER_ONLY, "red", SHARED, "dedicated to project red"),
        # As an older release has written them.
        ("", None, "", {}, ""),
    ],
)
def test_who_may_run_where(
    project: str, restriction: str | None, owner: str, nodepool: dict[str, Any], says: str
) -> None:
    model = {"id": "m", "project": owner, "deploy_restriction": restriction} if restriction else {"id": "m"}
    reason = why_not(project, model, nodepool)
    assert says in reason
    assert bool(reason) == bool(says)


async def test_a_deployment_of_another_project_is_refused(site: Site) -> None:
    error = await site.refused({"deployment": deployment(pool="red", project="blue")})
    assert (error.code, error.path) == (ErrorCode.CONFLICT, "[0].deployment.nodepools.0")
    await site.deploy(pool="red", project="red")


async def test_a_restriction_that_would_forbid_what_runs_is_refused(site: Site) -> None:
    await site.deploy()
    error = await site.refused({"model": {"id": "m", "deploy_restriction": 3}})
    assert (error.code, error.path) == (ErrorCode.CONFLICT, "[0].model.deploy_restriction")
    assert "deployment chat is on nodepool office/shared" in error.message
    await site.apply({"model": {"id": "m", "deploy_restriction": 2}})
    assert site.get(Kind.MODEL, "m").spec["deploy_restriction"] == "SHARED_COMPUTE_ONLY"


async def test_a_nodepool_cannot_be_taken_from_those_that_use_it(site: Site) -> None:
    await site.deploy()
    pool = {"id": "shared", "compute_cluster": {"id": "office"}, "tenancy": "dedicated", "project": "blue"}
    error = await site.refused({"nodepool": pool})
    assert (error.code, error.path) == (ErrorCode.CONFLICT, "[0].nodepool.tenancy")
    await site.deploy(project="blue")
    await site.apply({"nodepool": pool})


async def test_projects_must_exist_and_go_last(site: Site) -> None:
    error = await site.refused({"deployment": deployment(project="rde")})
    assert (error.code, error.path, error.hint) == (
        ErrorCode.NOT_FOUND, "[0].deployment.project", "did you mean red?")  # fmt: skip
    with pytest.raises(HomeportError, match="it has nodepool office/red"):
        await site.write(lambda tx: delete_project(tx, "red"))
    await site.write(lambda tx: delete_project(tx, "blue"))
    assert site.store.get(Kind.PROJECT, "blue") is None


async def test_dedicated_goes_with_a_project(site: Site) -> None:
    pool = {"id": "x", "compute_cluster": {"id": "office"}}
    for half in ({"tenancy": "dedicated"}, {"project": "red"}):
        assert "needs one" in (await site.refused({"nodepool": {**pool, **half}})).message

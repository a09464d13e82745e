"""What writing a secret means for those who use it."""

from typing import Any

import pytest

from controlplane.fleet.impact import impact_of
from controlplane.fleet.revisions import workload_of
from controlplane.fleet.secrets import delete_secret
from controlplane.sessions.registry import NodeRegistry
from controlplane.store.store import Kind
from homeport.core.errors import ErrorCode, HomeportError
from homeport.core.secrets import SecretFiles, SecretValue
from tests.fakes.clock import FakeClock
from tests.fakes.fleet_site import Site, version
from tests.fakes.planted import forms_of, planted

HUB = {"id": "hub", "env_var": "HF_TOKEN"}


def secret(id: str = "hub", project: str = "", **data: str) -> dict[str, Any]:
    return {"secret": {"id": id, "project": project, "data": data}}


@pytest.fixture
async def used(site: Site) -> Site:
    """Secret hub is given to version s1, which deployment chat runs."""
    await site.apply(secret(token="one"), version("s1", secrets=[HUB]))
    await site.deploy()
    return site


def _revision(site: Site) -> int:
    return int(site.get(Kind.DEPLOYMENT, "chat").status["revision"])


def _workload(site: Site) -> Any:
    return workload_of(site.get(Kind.REVISION, f"chat/{_revision(site)}"))


async def test_the_store_has_no_value_and_the_workload_a_version(used: Site) -> None:
    value = planted()
    await used.apply(secret(token=value))
    records = [str(each) for kind in Kind for each in used.store.all(kind)]
    assert not any(form.decode() in text for form in forms_of(value) for text in records)
    record = used.get(Kind.SECRET, "hub")
    assert used.vault.open("hub", record.status["sealed"]) == {"token": value}
    wanted = SecretValue("hub", "token", record.spec["data"]["token"])
    assert _workload(used).secret_env == {"HF_TOKEN": wanted}


async def test_a_changed_value_is_a_new_revision_and_the_same_one_is_none(used: Site) -> None:
    before = _workload(used).spec_hash()
    (same,) = await used.apply(secret(token="one"))
    assert (same.action, _revision(used)) == ("unchanged", 1)
    (done,) = await used.apply(secret(token="two"))
    assert (done.action, _revision(used)) == ("configured", 2)
    assert [(each.path, each.before, each.after) for each in done.changes] == [
        ("data", {"token": "(hidden)"}, {"token": "(hidden)"})
    ]
    assert _workload(used).spec_hash() != before
    # A version never comes again, so neither does the hash of a value that was there before.
    await used.apply(secret(token="one"))
    assert (_revision(used), _workload(used).spec_hash() != before) == (3, True)


async def test_what_nobody_uses_changes_nothing_else(used: Site) -> None:
    uses = [{**HUB, "key": "token"}]
    await used.apply(secret("two", token="one"), version("s2", secrets=[{**uses[0], "id": "two"}]))
    await used.deploy()
    assert _revision(used) == 2
    await used.apply(secret("two", token="one", more="x"), secret("other", key="y"))
    await used.apply({"secret": {"id": "two", "description": "words", "data": {"token": "(hidden)", "more": "z"}}})
    assert used.vault.open("two", used.get(Kind.SECRET, "two").status["sealed"]) == {"token": "one", "more": "z"}
    assert _revision(used) == 2


@pytest.mark.parametrize(
    ("documents", "code", "path", "says"),
    [
        (
            [secret(token="(hidden)", new="(hidden)")],
            ErrorCode.INVALID_ARGUMENT,
            "[0].secret.data.new",
            "there is none",
        ),
        (
            [secret(token="one", more="x")],
            ErrorCode.IN_USE,
            "[0].secret",
            "it is given, without its name, to m/s1",
        ),
        ([secret(other="x")], ErrorCode.IN_USE, "[0].secret", "key token of secret hub is in use"),
        (
            [secret(project="green", token="x")],
            ErrorCode.NOT_FOUND,
            "[0].secret.project",
            "project green does not exist",
        ),
        (
            [secret(project="red", token="x")],
            ErrorCode.CONFLICT,
            "[0].secret.project",
            "its values would reach others",
        ),
        (
            [version("v2", secrets=[{**HUB, "id": "hum"}])],
            ErrorCode.NOT_FOUND,
            "[0].model_version.secrets.0.id",
            "secret hum does not exist",
        ),
        (
            [version("v2", secrets=[{**HUB, "key": "tokn"}])],
            ErrorCode.INVALID_ARGUMENT,
            "[0].model_version.secrets.0.key",
            "has no key tokn",
        ),
        (
            [version("v2", secrets=[HUB, HUB])],
            ErrorCode.INVALID_ARGUMENT,
            "[0].model_version.secrets.1",
            "HF_TOKEN is given twice",
        ),
        (
            [version("v2", secrets=[{"id": "hub", "type": "file", "mount_path": "/x"}])],
            ErrorCode.INVALID_ARGUMENT,
            "[0].model_version.secrets.0",
            "cannot mount",
        ),
        (
            [secret("two", a="1", b="2"), version("v2", secrets=[{**HUB, "id": "two"}])],
            ErrorCode.INVALID_ARGUMENT,
            "[1].model_version.secrets.0",
            "has 2 keys",
        ),
    ],
)
async def test_refusals(used: Site, documents: list[Any], code: ErrorCode, path: str, says: str) -> None:
    error = await used.refused(*documents)
    assert (error.code, error.path) == (code, path)
    assert says in error.message


async def test_one_that_is_used_stays_and_says_by_whom(used: Site) -> None:
    with pytest.raises(HomeportError, match="it is given to model version m/s1") as caught:
        await used.write(lambda tx: delete_secret(tx, "hub"))
    assert caught.value.code is ErrorCode.IN_USE
    impact = impact_of(used.store, NodeRegistry(FakeClock()), Kind.SECRET, "hub")
    assert [each.id for each in impact.blocked_by] == ["m/s1"]
    await used.apply(secret("unused", key="x"))
    await used.write(lambda tx: delete_secret(tx, "unused"))
    assert used.store.get(Kind.SECRET, "unused") is None


async def test_what_the_deployment_says_wins_over_its_version(site: Site) -> None:
    uses = [HUB, {"id": "hub", "type": "file", "env_var": "FILES"}]
    await site.apply(secret(token="one"), secret("own", key="two"), version("s1", env={"A": "1"}, secrets=uses))
    await site.deploy(env={"HF_TOKEN": "plain"}, secrets=[{"id": "own", "env_var": "A"}])
    workload = _workload(site)
    assert workload.env == {"HF_TOKEN": "plain"}
    versions = {id: site.get(Kind.SECRET, id).spec["data"] for id in ("hub", "own")}
    assert workload.secret_env == {"A": SecretValue("own", "key", versions["own"]["key"])}
    assert workload.secret_files == (SecretFiles("hub", versions["hub"], "/run/secrets/hub", "FILES"),)
    assert workload.secrets_needed() == {"own": {"key"}, "hub": {"token"}}


async def test_a_projects_secret_stays_in_its_project(site: Site) -> None:
    await site.apply(secret(project="red", token="x"), version("s1", secrets=[HUB]))
    with pytest.raises(HomeportError, match="is of project red, and the deployment of none") as caught:
        await site.deploy()
    assert caught.value.code is ErrorCode.CONFLICT
    await site.deploy(project="red")
    assert (await site.refused({"deployment": {**site.get(Kind.DEPLOYMENT, "chat").spec, "project": ""}})).code is (
        ErrorCode.CONFLICT
    )

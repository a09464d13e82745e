from controlplane.store.store import Kind
from homeport.core.errors import ErrorCode
from tests.fakes.fleet_site import Site, deployment

ELSEWHERE = [{"id": "p", "compute_cluster": {"id": "far"}}, {"id": "q", "compute_cluster": {"id": "far"}}]


async def test_missing_parents_are_made_on_the_way_when_that_is_wanted(site: Site) -> None:
    document = {"deployment": deployment(nodepools=ELSEWHERE)}
    assert (await site.refused(document)).code is ErrorCode.NOT_FOUND
    results = await site.apply(document, create_missing=True)
    assert [(each.kind, each.id, each.action.value) for each in results] == [
        (Kind.DEPLOYMENT, "chat", "created"),
        (Kind.CLUSTER, "far", "created"),
        (Kind.NODEPOOL, "far/p", "created"),
        (Kind.NODEPOOL, "far/q", "created"),
    ]
    assert len(await site.apply(document, create_missing=True)) == 1


async def test_a_parent_among_the_documents_is_not_made_twice(site: Site) -> None:
    nodepool = {"nodepool": {"id": "p", "compute_cluster": {"id": "far"}, "max_instances": 3}}
    results = await site.apply({"deployment": deployment(nodepools=ELSEWHERE[:1])}, nodepool, create_missing=True)
    assert [each.id for each in results] == ["chat", "far/p", "far"]
    assert site.get(Kind.NODEPOOL, "far/p").spec["max_instances"] == 3


async def test_nothing_is_made_for_what_is_refused_or_only_tried(site: Site) -> None:
    await site.refused({"deployment": deployment(model="none", nodepools=ELSEWHERE)}, create_missing=True)
    assert site.store.get(Kind.CLUSTER, "far") is None
    await site.apply({"deployment": deployment(nodepools=ELSEWHERE)}, create_missing=True, dry_run=True)
    assert site.store.get(Kind.CLUSTER, "far") is None


async def test_what_is_only_recorded_is_named(site: Site) -> None:
    said = deployment(update_strategy={"max_surge": 2}, environment="production")
    (done,) = await site.apply({"deployment": said})
    assert done.recorded == ("update_strategy.max_surge",)


async def test_an_object_of_an_older_release_is_unchanged_by_the_same_document(site: Site) -> None:
    await site.write(lambda tx: tx.create(Kind.CLUSTER, "old", {"id": "old", "kind": "edge", "description": ""}))
    (done,) = await site.apply({"compute_cluster": {"id": "old", "kind": "edge"}})
    assert (done.action.value, site.get(Kind.CLUSTER, "old").generation) == ("unchanged", 1)

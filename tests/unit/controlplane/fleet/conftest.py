import pytest

from tests.fakes.fleet_site import Site, version


@pytest.fixture
async def site() -> Site:
    """A shared nodepool, one dedicated to project red, model m with version v1."""
    made = Site()
    await made.store.open()
    dedicated = {"tenancy": "dedicated", "project": "red"}
    await made.apply(
        {"project": {"id": "red"}},
        {"project": {"id": "blue"}},
        {"compute_cluster": {"id": "office"}},
        {"nodepool": {"id": "shared", "compute_cluster": {"id": "office"}}},
        {"nodepool": {"id": "red", "compute_cluster": {"id": "office"}, **dedicated}},
        {"model": {"id": "m"}},
        version("v1"),
    )
    return made

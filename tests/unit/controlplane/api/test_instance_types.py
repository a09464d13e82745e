from tests.fakes.control_api import ControlApi


async def test_instance_types_of_all_sources_are_listed_and_filtered(api: ControlApi) -> None:
    await api.put_parents()
    await api.put_node("a")
    assert (await api.call("POST", "/instance-types", {"id": "rack", "region": "hall-2"})).status == 201
    found = (await api.call("GET", "/instance-types")).body["items"]
    assert {"rack", "g5.xlarge", "node-8cpu-16gi"} <= {each["id"] for each in found}
    for filters, ids in (("source=own", ["rack"]), ("source=node", ["node-8cpu-16gi"]), ("region=hall-2", ["rack"])):
        found = (await api.call("GET", f"/instance-types?{filters}")).body["items"]
        assert [each["id"] for each in found] == ids
    azure = (await api.call("GET", "/instance-types?cloud_provider=azure")).body["items"]
    assert all(each["id"].startswith("Standard_") for each in azure)
    assert azure


async def test_what_is_not_ones_own_cannot_be_created_again_or_deleted(api: ControlApi) -> None:
    answered = await api.call("DELETE", "/instance-types/g5.xlarge")
    assert (answered.status, answered.error["code"]) == (409, "conflict")
    assert (await api.call("DELETE", "/instance-types/none")).status == 404
    assert (await api.call("POST", "/instance-types", {"id": "g5.xlarge", "price_per_hour": 1})).status == 201
    assert (await api.call("POST", "/instance-types", {"id": "g5.xlarge"})).status == 409
    assert (await api.call("GET", "/instance-types/g5.xlarge")).body["status"]["source"] == "own"
    assert (await api.call("DELETE", "/instance-types/g5.xlarge")).status == 204
    assert (await api.call("GET", "/instance-types/g5.xlarge")).body["status"]["source"] == "catalogue"


async def test_projects_come_and_go(api: ControlApi) -> None:
    assert (await api.call("POST", "/projects", {"id": "red", "labels": {"cost-centre": "17"}})).status == 201
    assert [each["id"] for each in (await api.call("GET", "/projects")).body["items"]] == ["red"]
    assert (await api.call("GET", "/projects/rde")).error["hint"] == "did you mean red?"
    await api.call("POST", "/models", {"id": "m", "project": "red"})
    assert (await api.call("DELETE", "/projects/red")).error["code"] == "in_use"
    await api.call("DELETE", "/models/m")
    assert (await api.call("DELETE", "/projects/red")).status == 204

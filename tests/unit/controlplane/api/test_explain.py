"""GET /deployments/ID/explain, and what a dry run foresees."""

from typing import Any

from tests.fakes.control_api import DEPLOYMENT, ControlApi

BIG = {**DEPLOYMENT, "compute_info": {"cpu_limit": "6"}, "autoscale_config": {"min_replicas": 1, "max_replicas": 2}}


async def test_a_pending_deployment_says_why_and_what_would_mend_it(api: ControlApi) -> None:
    await api.put_parents()
    await api.put_node("rack7", cpu_milli=4000)
    await api.put_node("rack8", connected=False)
    assert (await api.call("POST", "/deployments", BIG)).status == 201
    found = (await api.call("GET", "/deployments/chat/explain")).body
    assert found["verdict"] == "pending"
    assert found["summary"] == "pending: none of 2 nodes takes it"
    reasons = {node["node_name"]: node["reasons"] for node in found["nodes"]}
    assert reasons["rack7"] == [{"filter": "cpu", "need": "6", "have": "4 free"}]
    assert [each["filter"] for each in reasons["rack8"]] == ["status", "driver", "cpu"]
    assert found["filtered"] == {"cpu": 2, "status": 1, "driver": 1}
    assert found["missing"] == {"min": 1, "max": 2}
    assert found["tiers"] == [["office/gpu"]]


async def test_what_fits_is_listed_with_its_budget(api: ControlApi) -> None:
    await api.put_parents()
    await api.put_node("rack7")
    assert (await api.call("POST", "/deployments", BIG)).status == 201
    found = (await api.call("GET", "/deployments/chat/explain")).body
    assert found["verdict"] == "partly"
    (node,) = found["nodes"]
    assert (node["verdict"], node["rank"], node["min"], node["max"]) == ("placed", 0, 1, 1)
    assert found["fixes"] == ["max_replicas 1: so many fit"]


async def test_nobody_can_explain_what_is_not_there(api: ControlApi) -> None:
    await api.put_parents()
    assert (await api.call("GET", "/deployments/chat/explain")).status == 404


async def test_a_dry_run_of_a_new_deployment_foresees_its_place(api: ControlApi) -> None:
    await api.put_parents()
    await api.put_node("rack7")
    answered = await api.call("POST", "/deployments?dry_run=true", BIG)
    forecast: dict[str, Any] = answered.body["forecast"]
    assert (forecast["verdict"], forecast["nodes"][0]["node_name"]) == ("partly", "rack7")
    assert (await api.call("GET", "/deployments/chat")).status == 404
    assert "forecast" not in (await api.call("POST", "/deployments", BIG)).body


async def test_a_dry_run_of_an_edit_foresees_what_the_new_workload_needs(api: ControlApi) -> None:
    await api.put_parents()
    await api.put_node("rack7")
    assert (await api.call("POST", "/deployments", BIG)).status == 201
    patch = {"spec": {"compute_info": {"cpu_limit": "9"}}, "generation": 1}
    forecast = (await api.call("PATCH", "/deployments/chat?dry_run=true", patch)).body["forecast"]
    assert forecast["verdict"] == "pending"
    assert forecast["nodes"][0]["reasons"] == [{"filter": "cpu", "need": "9", "have": "8 free"}]
    assert (await api.call("GET", "/deployments/chat/explain")).body["verdict"] == "partly", "nothing was kept"


async def test_a_dry_run_tells_the_price_of_the_part_that_it_takes(api: ControlApi) -> None:
    own = {"id": "big", "compute_info": {"cpu_limit": "8"}, "price_per_hour": 4.0}
    pool = {"id": "gpu", "compute_cluster": {"id": "office"}, "instance_types": [{"id": "big"}]}
    await api.put_parents()
    await api.put_node("rack7")
    documents = [{"instance_type": own}, {"nodepool": pool}]
    assert (await api.call("POST", "/apply", {"documents": documents})).status == 200
    dry = {"documents": [{"deployment": {**BIG, "compute_info": {"cpu_limit": "2"}}}], "dry_run": True}
    [result] = (await api.call("POST", "/apply", dry)).body["results"]
    assert result["forecast"]["price_per_hour"] == {"low": 1.0, "high": 2.0, "unpriced": []}
    assert result["forecast"]["verdict"] == "placed"
    [result] = (await api.call("POST", "/apply", {**dry, "dry_run": False})).body["results"]
    assert "forecast" not in result

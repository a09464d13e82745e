import json

from tests.fakes.api import ScriptedApi
from tests.unit.cli.conftest import Cli

FOUND = {
    "deployment_id": "chat",
    "summary": "partly placed: up to 2 replicas on rack7, 4 were asked for; nearest: homeport node uncordon rack9",
    "verdict": "partly",
    "scheduling_choice": "UTILIZATION",
    "desired": {"min": 1, "max": 4},
    "missing": {"min": 0, "max": 2},
    "tiers": [["office/gpu"], ["cloud/spot", "cloud/l4"]],
    "nodes": [
        {
            "node_name": "rack7", "nodepool": "office/gpu", "verdict": "placed", "rank": 0, "min": 1, "max": 2,
            "cost": 0.5, "reasons": [{"filter": "cpu", "need": "4", "have": "500m free"}],
        },
        {
            "node_name": "rack8", "nodepool": "office/gpu", "verdict": "fits", "rank": None, "min": 0, "max": 0,
            "cost": 1.2, "reasons": [],
        },
        {
            "node_name": "rack9", "nodepool": "cloud/l4", "verdict": "rejected", "rank": None, "min": 0, "max": 0,
            "cost": None,
            "reasons": [
                {"filter": "cordon", "need": "a node that takes new replicas", "have": "cordoned"},
                {"filter": "disk", "need": "8Gi", "have": "1Gi free"},
            ],
        },
    ],
    "omitted": 3,
    "filtered": {"cordon": 1, "memory": 1},
    "fixes": ["homeport node uncordon rack9", "max_replicas 2: so many fit"],
}  # fmt: skip


def test_explain_tells_why_here_why_not_there_and_what_would_help(cli: Cli, api: ScriptedApi) -> None:
    api.answer("GET", "deployments/chat/explain", FOUND)
    ran = cli("explain", "chat")
    assert ran.out.splitlines() == [
        FOUND["summary"],
        "UTILIZATION: office/gpu, then cloud/spot or cloud/l4",
        "",
        "it fits with",
        "  homeport node uncordon rack9",
        "  max_replicas 2: so many fit",
        "",
        "* rack7 (office/gpu): rank 0, 1 to 2 replicas, cost 0.5; no more: cpu: needs 4, has 500m free",
        "  rack8 (office/gpu): would do, cost 1.2",
        "- rack9 (cloud/l4): cordon: needs a node that takes new replicas, has cordoned; disk: needs 8Gi, has 1Gi free",
        "and 3 more nodes",
    ]


def test_explain_as_json_is_what_the_api_says(cli: Cli, api: ScriptedApi) -> None:
    api.answer("GET", "deployments/chat/explain", FOUND)
    assert json.loads(cli("explain", "chat", "-o", "json").out) == FOUND

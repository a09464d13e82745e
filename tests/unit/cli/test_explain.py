import json
import time

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
            "cost": 1.2, "favours": ["the image is there"], "reasons": [],
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
    "price_per_hour": {"low": 0.25, "high": 1.0, "unpriced": ["rack7"]},
    "events": [
        {"at": 86400.0, "verdict": "partly", "where": ["rack7 (2)"], "text": "up to 2 of 4 replicas: rack7 (2)"}
    ],
}  # fmt: skip


def test_explain_tells_why_here_why_not_there_and_what_would_help(cli: Cli, api: ScriptedApi) -> None:
    api.answer("GET", "deployments/chat/explain", FOUND)
    ran = cli("explain", "chat")
    assert ran.out.splitlines() == [
        FOUND["summary"],
        "UTILIZATION: office/gpu, then cloud/spot or cloud/l4",
        "$0.25 to $1.00 an hour, and rack7 of unknown price",
        "",
        "it fits with",
        "  homeport node uncordon rack9",
        "  max_replicas 2: so many fit",
        "",
        "* rack7 (office/gpu): rank 0, 1 to 2 replicas, cost 0.5; no more: cpu: needs 4, has 500m free",
        "  rack8 (office/gpu): would do, cost 1.2, the image is there",
        "- rack9 (cloud/l4): cordon: needs a node that takes new replicas, has cordoned; disk: needs 8Gi, has 1Gi free",
        "and 3 more nodes",
        "",
        f"{time.strftime('%Y-%m-%d %H:%M:%S', time.localtime(86400.0))}  partly: up to 2 of 4 replicas: rack7 (2)",
    ]


def test_a_dry_run_says_whether_it_fits_and_what_it_costs(cli: Cli, api: ScriptedApi) -> None:
    applied = {"kind": "deployment", "id": "chat", "action": "created", "forecast": FOUND}
    api.answer("POST", "apply", {"results": [applied], "seq": 1})
    foreseen = [
        f"  {FOUND['summary']}",
        "  $0.25 to $1.00 an hour, and rack7 of unknown price",
        "  it fits with",
        "    homeport node uncordon rack9",
        "    max_replicas 2: so many fit",
    ]
    told = cli("apply", "-f", "-", "--dry-run", stdin="deployment: {id: chat}").out.splitlines()
    assert told == ["deployment/chat created (dry run)", *foreseen]
    api.answer("POST", "deployments", {"kind": "deployment", "id": "chat", "forecast": FOUND}, status=201)
    told = cli("deployment", "create", "chat", "--model", "m", "--nodepool", "office/gpu", "--dry-run").out.splitlines()
    assert told == ["deployment chat would be created", *foreseen]


def test_explain_as_json_is_what_the_api_says(cli: Cli, api: ScriptedApi) -> None:
    api.answer("GET", "deployments/chat/explain", FOUND)
    assert json.loads(cli("explain", "chat", "-o", "json").out) == FOUND


def test_each_of_several_revisions_is_told_of(cli: Cli, api: ScriptedApi) -> None:
    alone = {**FOUND, "nodes": [], "fixes": [], "events": [], "omitted": 0, "price_per_hour": None}
    old = {**alone, "summary": "placed: up to 4 replicas on rack7", "revision": 1, "percent": 90}
    new = {**alone, "summary": "pending: none of 2 nodes takes it", "revision": 2, "percent": 10}
    api.answer("GET", "deployments/chat/explain", {**new, "revisions": [old, new]})
    assert [line for line in cli("explain", "chat").out.splitlines() if line] == [
        "revision 1, 90 % of the requests",
        "--------------------------------",
        "placed: up to 4 replicas on rack7",
        "UTILIZATION: office/gpu, then cloud/spot or cloud/l4",
        "revision 2, 10 % of the requests",
        "--------------------------------",
        "pending: none of 2 nodes takes it",
        "UTILIZATION: office/gpu, then cloud/spot or cloud/l4",
    ]

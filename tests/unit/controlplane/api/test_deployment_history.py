"""GET /deployments/ID/cold-starts, /scaling-history, /replica-faults and /traffic."""

from controlplane.store.history import NodeHistory
from homeport.core.history.cold_start import ColdStart, StartParts
from homeport.core.history.entry import Entry, Page, Told
from homeport.core.history.replica_fault import ReplicaFault
from homeport.core.history.scaling_change import ScalingChange
from homeport.core.history.traffic_minute import TrafficMinute
from tests.fakes.control_api import DEPLOYMENT, ControlApi

# The deployment is made then.
NOON = 1_700_000_000.0
PARTS = StartParts(0.5, 0.25, 3.0, 0.125, 8.0, 1.5, 0.0625)


async def _deployed(api: ControlApi) -> str:
    await api.put_parents()
    node_id = await api.put_node("rack7")
    assert (await api.call("POST", "/deployments", DEPLOYMENT)).status == 201
    return node_id


async def _tell(api: ControlApi, node_id: str, *told: tuple[float, Told]) -> None:
    entries = tuple(Entry(number, "chat", NOON + at, each) for number, (at, each) in enumerate(told, 1))
    await api.store.keep_history([NodeHistory(node_id, Page("log", entries))])


async def test_a_start_has_its_parts_their_sum_and_homeports_share(api: ControlApi) -> None:
    node_id = await _deployed(api)
    await _tell(api, node_id, (5.0, ColdStart("r1", 1, PARTS)), (9.0, ColdStart("r1", 2, PARTS, "exit code 1")))
    failed, start = (await api.call("GET", "/deployments/chat/cold-starts")).body["items"]
    assert (failed["revision"], failed["problem"]) == (2, "exit code 1")
    assert start == {
        "at": NOON + 5,
        "node_id": node_id,
        "node_name": "rack7",
        "replica_id": "r1",
        "revision": 1,
        "queue_seconds": 0.5,
        "place_seconds": 0.25,
        "image_seconds": 3.0,
        "create_seconds": 0.125,
        "load_seconds": 8.0,
        "warm_up_seconds": 1.5,
        "engine_seconds": 0.0625,
        "total_seconds": 13.375,
        "platform_seconds": 0.8125,
        "problem": "",
    }


async def test_changes_of_scale_say_what_drove_them(api: ControlApi) -> None:
    node_id = await _deployed(api)
    made = ScalingChange(0, 2, 2, "concurrency", "12 requests", {"in_flight": 12.0})
    held = ScalingChange(2, 2, 1, "scale_down_delay", "scale-down delay", {}, NOON + 90)
    await _tell(api, node_id, (1.0, made), (30.0, held))
    first, second = (await api.call("GET", "/deployments/chat/scaling-history")).body["items"]
    assert (first["driver"], first["replicas"], first["wanted"], first["held_until"]) == (
        "scale_down_delay",
        2,
        1,
        NOON + 90,
    )
    assert (second["before"], second["replicas"], second["inputs"], second["held_until"]) == (
        0,
        2,
        {"in_flight": 12.0},
        None,
    )


async def test_faults_say_which_replica_and_why(api: ControlApi) -> None:
    node_id = await _deployed(api)
    fault = ReplicaFault("r1", 1, "health check", 1, 4, "GET /well answered 500")
    await _tell(api, node_id, (1.0, ReplicaFault("r1", 1, "lost", ejections=1)), (30.0, fault))
    first, second = (await api.call("GET", "/deployments/chat/replica-faults")).body["items"]
    assert first == {
        "at": NOON + 30,
        "node_id": node_id,
        "node_name": "rack7",
        "replica_id": "r1",
        "revision": 1,
        "cause": "health check",
        "ejections": 1,
        "failed_checks": 4,
        "problem": "GET /well answered 500",
    }
    assert (second["cause"], second["ejections"]) == ("lost", 1)


async def test_traffic_is_listed_by_the_minute(api: ControlApi) -> None:
    node_id = await _deployed(api)
    await _tell(api, node_id, (0.0, TrafficMinute(60, 50, 25.0, 3.0, 4, 9, 1000)), (70.0, TrafficMinute(arrivals=1)))
    first, second = (await api.call("GET", "/deployments/chat/traffic")).body["items"]
    assert first == {
        "minute": int(NOON // 60) * 60,
        "arrivals": 60,
        "completions": 50,
        "mean_service_seconds": 0.5,
        "waiting_seconds": 3.0,
        "peak_requests": 4,
        "peak_arrivals": 9,
        "tokens": 1000,
    }
    assert second["mean_service_seconds"] == 0
    later = await api.call("GET", f"/deployments/chat/traffic?since={NOON + 30}")
    assert [each["arrivals"] for each in later.body["items"]] == [1]


async def test_long_histories_come_in_pages(api: ControlApi) -> None:
    node_id = await _deployed(api)
    starts = [(number // 2, ColdStart(f"r{number}", 1)) for number in range(7)]
    minutes = [(60.0 * number, TrafficMinute(arrivals=number)) for number in range(7)]
    await _tell(api, node_id, *starts, *minutes)
    for path, key in (("cold-starts", "replica_id"), ("traffic", "minute")):
        whole = (await api.call("GET", f"/deployments/chat/{path}")).body
        assert len(whole["items"]) == 7
        assert whole["next_cursor"] is None
        read, cursor = [], ""
        while cursor is not None:
            page = (await api.call("GET", f"/deployments/chat/{path}?limit=3" + (cursor and f"&cursor={cursor}"))).body
            read += page["items"]
            cursor = page["next_cursor"]
        assert [each[key] for each in read] == [each[key] for each in whole["items"]]


async def test_what_another_deployment_of_this_id_did_long_ago_is_not_shown(api: ControlApi) -> None:
    node_id = await _deployed(api)
    await _tell(api, node_id, (-3600.0, ColdStart("r0", 1)), (-3600.0, TrafficMinute(arrivals=5)))
    for path in ("cold-starts", "traffic"):
        assert (await api.call("GET", f"/deployments/chat/{path}")).body["items"] == []


async def test_what_makes_no_sense_is_refused(api: ControlApi) -> None:
    await _deployed(api)
    assert (await api.call("GET", "/deployments/other/cold-starts")).status == 404
    for question in (
        "cold-starts?cursor=x",
        "cold-starts?limit=0",
        "traffic?since=-1",
        "scaling-history?cursor=1.1.1_1",
    ):
        assert (await api.call("GET", f"/deployments/chat/{question}")).status == 400, question

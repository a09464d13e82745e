import time

from tests.fakes.api import ScriptedApi
from tests.unit.cli.conftest import Cli

SUMMARY = {
    "version": "1.2.3",
    "uptime_seconds": 60,
    "api_url": "http://api",
    "gateway_url": "http://gateway",
    **{each: {"ready": 0, "total": 4} for each in ("nodes", "deployments", "replicas")},
}


def test_status_shows_alarms_with_their_age_and_what_to_do(api: ScriptedApi, cli: Cli) -> None:
    alarm = {
        "name": "x",
        "message": "4 of 4 nodes vanished at once",
        "hint": "check the network",
        "since": time.time() - 120,
    }
    api.answer("GET", "status", {**SUMMARY, "alarms": [alarm]})
    api.answer("GET", "nodes", {"items": [], "seq": 1})
    api.answer("GET", "deployments", {"items": [], "seq": 1})
    ran = cli("status")
    assert ran.code == 0, ran.err
    assert "ALARM since 2m" in ran.out
    assert "4 of 4 nodes vanished at once\n  check the network" in ran.out

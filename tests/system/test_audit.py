"""The audit log of a real server: over joining, restarts and kills."""

import json
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from tests.system.site import Site

pytestmark = pytest.mark.system


def test_joins_denials_and_changes_are_there_after_a_kill(tmp_path: Path) -> None:
    with Site(tmp_path) as site:
        site.start_server()
        site.api("POST", "/apply", {"documents": [{"compute_cluster": {"id": "home"}}]})
        pool = {"nodepool": {"id": "default", "compute_cluster": {"id": "home"}}}
        site.api("POST", "/apply", {"documents": [pool]})
        token = site.new_join_token()
        assert site.join(token).returncode == 0
        replayed = site.join(token, "other")
        assert replayed.returncode != 0
        with pytest.raises(urllib.error.HTTPError, match="401"):
            urllib.request.urlopen(
                urllib.request.Request(
                    f"{site.url(site.api_port)}/api/v1/nodes", headers={"Authorization": "Bearer hp1.no.planted"}
                ),
                timeout=30,
            )
        site.kill(site.server)
        site.start_server()
        entries = site.every("/audit")
    said = [(entry["actor"], entry["action"], entry["kind"], entry["result"]) for entry in reversed(entries)]
    join = f"join_token/{token.split('.')[1]}"
    assert said == [
        ("user/admin", "create", "cluster", "done"),
        ("user/admin", "create", "nodepool", "done"),
        ("user/admin", "create", "join_token", "done"),
        *[each for each in said if each[0] == join and each[3] == "done"],
        (join, "sign-in", "", "denied"),
        ("", "sign-in", "", "denied"),
    ]
    assert (join, "create", "node", "done") in said
    assert {entry["address"] for entry in entries} == {"127.0.0.1"}
    secret = token.split(".")[2]
    assert secret not in json.dumps(entries)
    assert "planted" not in json.dumps(entries)

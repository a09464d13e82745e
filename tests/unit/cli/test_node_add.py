"""`homeport node add`: which nodepool is meant, and what is printed for the host."""

import json

import pytest

from homeport.cli.node import choose_nodepool
from homeport.core.errors import HomeportError
from tests.fakes.api import ScriptedApi, resource
from tests.unit.cli.conftest import Cli

_KNOWN = ["office/cpu", "office/gpu", "rack/gpu"]


@pytest.mark.parametrize(
    ("known", "cluster", "nodepool", "chosen"),
    [
        (["office/gpu"], "", "", "office/gpu"),
        (_KNOWN, "", "office/gpu", "office/gpu"),
        (_KNOWN, "office", "gpu", "office/gpu"),
        (_KNOWN, "rack", "", "rack/gpu"),
        (_KNOWN, "", "cpu", "office/cpu"),
    ],
)
def test_the_one_that_is_meant(known: list[str], cluster: str, nodepool: str, chosen: str) -> None:
    assert choose_nodepool(known, cluster, nodepool) == chosen


@pytest.mark.parametrize(
    ("known", "cluster", "nodepool", "words"),
    [
        ([], "", "", "homeport nodepool create"),
        (_KNOWN, "", "", "several nodepools fit: office/cpu, office/gpu, rack/gpu"),
        (_KNOWN, "", "gpu", "choose one: homeport node add --nodepool office/gpu"),
        (_KNOWN, "cellar", "", "there are: office/cpu"),
    ],
)
def test_none_or_several(known: list[str], cluster: str, nodepool: str, words: str) -> None:
    with pytest.raises(HomeportError) as caught:
        choose_nodepool(known, cluster, nodepool)
    assert words in str(caught.value)


def _script(api: ScriptedApi, install_command: str) -> None:
    api.answer("GET", "nodepools", {"items": [resource("nodepool", "office/gpu", {})], "seq": 1})
    created = {
        "token": "hp1.a.b.c",
        "command": "homeport-agent join --server hub:8442 --token hp1.a.b.c",
        "install_command": install_command,
    }
    api.answer("POST", "join-tokens", created, 201)


def test_the_servers_own_command(cli: Cli, api: ScriptedApi) -> None:
    _script(api, "curl ... | sh")
    ran = cli("node", "add", "--ttl", "60")
    assert "For one host of office/gpu, within 60 s." in ran.out
    assert "\n  curl ... | sh\n" in ran.out
    assert api.asked[1].body == {
        "nodepool": {"id": "gpu", "compute_cluster": {"id": "office"}},
        "ttl_seconds": 60,
    }


def test_a_server_that_cannot_install_hosts(cli: Cli, api: ScriptedApi) -> None:
    _script(api, "")
    out = cli("node", "add").out
    assert "\n  sh wheelhouse/install.sh agent --server hub:8442 --token hp1.a.b.c\n" in out
    assert "\n  homeport-agent join --server hub:8442 --token hp1.a.b.c\n" in out


def test_for_programs(cli: Cli, api: ScriptedApi) -> None:
    _script(api, "curl ... | sh")
    assert json.loads(cli("node", "add", "-o", "json").out)["install_command"] == "curl ... | sh"

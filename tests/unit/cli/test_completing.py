from collections.abc import Callable

import pytest

from tests.fakes.api import ScriptedApi, resource
from tests.unit.cli.conftest import Cli

Complete = Callable[..., list[str]]


@pytest.fixture
def complete(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> Complete:
    """What the shell is offered for the last of these words."""

    def offered(*words: str) -> list[str]:
        monkeypatch.setenv("_HOMEPORT_COMPLETE", "complete_bash")
        monkeypatch.setenv("COMP_WORDS", " ".join(("homeport", *words)))
        monkeypatch.setenv("COMP_CWORD", str(len(words)))
        return cli().out.split()

    return offered


def _items(*ids: str) -> dict[str, object]:
    return {"items": [resource("any", id, {"name": f"host-{id}"}) for id in ids], "seq": 1}


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["deployment", "get", "ch"], ["chat", "chatter"]),
        (["dp", "status", "ch"], ["chat", "chatter"]),
        (["deployment", "scale", ""], ["chat", "chatter", "talk"]),
        (["logs", "talk"], ["talk"]),
        (["get", "dep"], ["deployment/"]),
        (["edit", "deployment/t"], ["deployment/talk"]),
        (["delete", "nodepool/of"], ["nodepool/office/gpu"]),
        (["np", "rm", ""], ["office/gpu"]),
        (["node", "get", "host"], ["host-n1"]),
        (["model", "version", "get", "w"], ["whisper/"]),
        (["get", "version/whisper/"], ["version/whisper/v1"]),
        (["get", "nothing/x"], []),
    ],
)
def test_ids_come_from_the_api(complete: Complete, api: ScriptedApi, words: list[str], offered: list[str]) -> None:
    api.answer("GET", "deployments", _items("chat", "chatter", "talk"))
    api.answer("GET", "nodepools", _items("office/gpu"))
    api.answer("GET", "nodes", _items("n1"))
    api.answer("GET", "models", _items("whisper"))
    api.answer("GET", "models/whisper/versions", _items("whisper/v1"))
    assert complete(*words) == offered


def test_a_failure_offers_nothing(complete: Complete, api: ScriptedApi, monkeypatch: pytest.MonkeyPatch) -> None:
    assert complete("deployment", "get", "c") == []  # the API answers with an error
    monkeypatch.setenv("HOMEPORT_API", "http://127.0.0.1:1")
    assert complete("deployment", "get", "c") == []
    monkeypatch.setenv("HOMEPORT_CONTEXT", "none")
    assert complete("deployment", "get", "c") == []

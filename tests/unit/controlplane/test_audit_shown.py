"""What the audit log shows of an object."""

from typing import Any

import pytest

from controlplane.audit.shown import sides
from controlplane.store.store import Kind, Record


def record(spec: dict[str, Any], **status: Any) -> Record:
    return Record(Kind.DEPLOYMENT, "chat", 1, 1, 0.0, 0.0, spec, status)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (None, record({"id": "chat"}), (None, {"spec": {"id": "chat"}})),
        (record({"id": "chat"}, a=1), None, ({"spec": {"id": "chat"}, "status": {"a": 1}}, None)),
        (
            record({"id": "chat", "scale": {"min": 1, "max": 2}}),
            record({"id": "chat", "scale": {"min": 1, "max": 5}}),
            ({"spec": {"scale": {"max": 2}}}, {"spec": {"scale": {"max": 5}}}),
        ),
        (record({"a": 1}), record({"a": 1, "b": [1]}), ({"spec": {}}, {"spec": {"b": [1]}})),
        (record({"a": 1}), record({"a": 1}, restarts=1), ({}, {"status": {"restarts": 1}})),
    ],
)
def test_of_an_edit_only_what_differs(before: Record | None, after: Record | None, expected: Any) -> None:
    assert sides(Kind.DEPLOYMENT, before, after) == expected


def test_secrets_are_left_out_wherever_they_are() -> None:
    spec = {
        "env": {"LEVEL": "debug", "HF": {"secret": "hub", "key": "planted"}},
        "secret_sha256": "planted",
        "registry": [{"user": "ann", "Password": "planted", "api_key": "planted"}],
        "max_tokens": 64,
        "name": "ci",
    }
    _, shown = sides(Kind.ACCESS_TOKEN, None, record(spec))
    assert shown is not None
    assert "planted" not in str(shown)
    assert "debug" not in str(shown)
    assert list(shown["spec"]["env"]) == ["LEVEL", "HF"]
    assert (shown["spec"]["name"], shown["spec"]["max_tokens"]) == ("ci", 64)
    assert shown["spec"]["registry"][0]["user"] == "ann"


def test_which_secrets_are_given_is_shown_and_what_they_hold_is_not() -> None:
    given = {"secrets": [{"id": "hub", "key": "token", "env_var": "HF_TOKEN"}]}
    assert sides(Kind.DEPLOYMENT, None, record(given)) == (None, {"spec": given})
    spec = {"id": "hub", "description": "for the hub", "data": {"cert.pem": "7", "token": "9"}}
    sealed = {"master_key": "planted", "data_key": "planted", "content": "planted"}
    _, shown = sides(Kind.SECRET, None, record(spec, version=9, sealed=sealed))
    assert shown is not None
    assert (shown["spec"]["description"], shown["status"]["version"]) == ("for the hub", 9)
    assert list(shown["spec"]["data"]) == ["cert.pem", "token"]
    assert "planted" not in str(shown)

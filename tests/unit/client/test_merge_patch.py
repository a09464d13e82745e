from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeport.client.merge_patch import merge_patch

_LEAVES = st.sampled_from([0, 1, True, "", "x", [], [0], [1, 0]])
_KEYS = st.sampled_from("abc")
_INNER = st.dictionaries(_KEYS, _LEAVES | st.dictionaries(_KEYS, _LEAVES, max_size=2), max_size=3)
_OBJECTS = st.dictionaries(_KEYS, _LEAVES | _INNER, max_size=3)


def _merged(target: Any, patch: Any) -> Any:
    """RFC 7396, word for word."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = _merged(merged.get(name), value)
    return merged


@given(_OBJECTS, _OBJECTS)
def test_it_leads_from_one_to_the_other(before: dict[str, Any], after: dict[str, Any]) -> None:
    assert _merged(before, merge_patch(before, after)) == after


@given(_OBJECTS)
def test_nothing_to_do_is_an_empty_patch(same: dict[str, Any]) -> None:
    assert merge_patch(same, same) == {}


@pytest.mark.parametrize(
    ("before", "after", "patch"),
    [
        ({"a": 1, "b": 2}, {"a": 1, "b": 3}, {"b": 3}),
        ({"a": 1}, {}, {"a": None}),
        ({"a": {"x": 1, "y": 2}}, {"a": {"x": 1, "y": 3}}, {"a": {"y": 3}}),
        ({"a": [1, 2]}, {"a": [1]}, {"a": [1]}),
        ({"a": None}, {"a": {}}, {"a": {}}),
        ({"a": {"x": 1}}, {"a": None}, {"a": None}),
    ],
)
def test_only_what_differs_is_named(before: dict[str, Any], after: dict[str, Any], patch: dict[str, Any]) -> None:
    assert merge_patch(before, after) == patch

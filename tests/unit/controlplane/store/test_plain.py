"""What a store keeps is what the standard library's JSON would have kept."""

import json
import math
from collections import OrderedDict
from enum import IntEnum, StrEnum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlplane.store.plain import plain, text_of


class _Word(StrEnum):
    ONE = "one"


class _Number(IntEnum):
    TWO = 2


_keys = st.one_of(st.text(st.characters(exclude_categories=())), st.integers(), st.booleans(), st.none())
_leaves = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(exclude_categories=())),
    st.sampled_from((_Word.ONE, _Number.TWO, 2**64, -(2**70), 1.0, -0.0, 1e308, 5e-324)),
)
_values = st.recursive(
    _leaves,
    lambda inner: st.one_of(st.lists(inner), st.tuples(inner, inner), st.dictionaries(_keys, inner)),
    max_leaves=20,
)


@given(st.dictionaries(_keys, _values))
def test_it_is_what_json_keeps(value: dict[Any, Any]) -> None:
    kept = plain(value)
    assert repr(kept) == repr(json.loads(json.dumps(value)))
    assert repr(json.loads(text_of(kept))) == repr(kept)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_numbers_that_json_has_no_words_for_are_refused(bad: float) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        plain({"a": [{"b": bad}]})


@pytest.mark.parametrize("bad", [{1}, object(), b"bytes", 1j, {"a": b"b"}])
def test_what_is_no_json_at_all_is_refused(bad: object) -> None:
    with pytest.raises(TypeError):
        plain({"a": bad})


def test_it_is_a_copy() -> None:
    value = OrderedDict(a=[1])
    kept = plain(value)
    value["a"].append(2)
    assert kept == {"a": [1]}
    assert type(kept) is dict

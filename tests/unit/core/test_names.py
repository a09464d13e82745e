import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeport.core.names import ID_PATTERN, did_you_mean, is_valid_id, near_matches


@pytest.mark.parametrize("text", ["a", "A9", "my-model_2", "0", "x" * 63])
def test_ids(text: str) -> None:
    assert is_valid_id(text)


@pytest.mark.parametrize("text", ["", "-a", "_a", "a.b", "a/b", "a b", "ä", "x" * 64, "a\n", "a\0", "٣"])
def test_what_is_no_id(text: str) -> None:
    assert not is_valid_id(text)


@given(st.text(max_size=70))
def test_the_published_pattern_is_the_rule(text: str) -> None:
    # JSON Schema's `$` is the end of the text; Python's also stands before a final newline.
    assert is_valid_id(text) == bool(re.fullmatch(ID_PATTERN[1:-1], text))


@pytest.mark.parametrize(
    ("wanted", "near"),
    [("smollm", ["smollm2"]), ("smolm2", ["smollm2"]), ("gpt-oss", []), ("llama3-8b", ["llama-3-8b", "llama-3-70b"])],
)
def test_near_matches(wanted: str, near: list[str]) -> None:
    assert near_matches(wanted, ["smollm2", "llama-3-8b", "llama-3-70b", "whisper"]) == near


def test_the_hint_falls_back() -> None:
    assert did_you_mean("smolm2", ["smollm2"], "list them") == "did you mean smollm2?"
    assert did_you_mean("zzz", ["smollm2"], "list them") == "list them"

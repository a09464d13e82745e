"""The model of a JSON object of which only the beginning is here."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeport.gateway.routing.json_beginning import model_in_beginning

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.sampled_from(["model", '"', "\\", ",", "}{"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["model", "a", "{"]), inner, max_size=3)
    ),
    max_leaves=8,
)
others = st.dictionaries(st.sampled_from(["a", "b", "Model", "mod", "{", '"model":"x"']), values, max_size=3)


@given(others, st.text(max_size=12), others, st.booleans(), st.data())
def test_it_is_found_as_soon_as_it_is_here(
    before: dict[str, Any], model: str, after: dict[str, Any], is_ascii: bool, data: st.DataObject
) -> None:
    after = {name: value for name, value in after.items() if name not in before}
    document = before | {"model": model} | after
    body = json.dumps(document, ensure_ascii=is_ascii).encode(errors="surrogatepass")
    upto = json.dumps(before | {"model": model}, ensure_ascii=is_ascii).encode(errors="surrogatepass").rindex(b"}")
    cut = data.draw(st.integers(0, len(body)))
    found, start, end = model_in_beginning(body[:cut])
    if cut >= upto:
        assert (found, end) == (model, upto)
        assert json.loads(body[:start] + b'"other"' + body[end:]) == before | {"model": "other"} | after
    else:
        assert (found, start, end) == ("", 0, 0)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b'["model","x"]',
        b'{"model":5,"x":"y"}',
        b'{"model":["x"],"y":1}',
        b'{"model":{"model":"x"}}',
        b'{"x":{"model":"y"}}',
        b'{"x":"' + b"a" * 1_000_000,
        b'{"x":"' + b"\\a" * 500_000,
        b'{"x":"' + b'\\"' * 500_000,
        b"{" * 1_000_000,
        b'{"x":[' + b"1," * 500_000 + b'],"model":"y"}',
    ],
)
def test_what_names_none_is_given_up_soon(body: bytes) -> None:
    assert model_in_beginning(body) == ("", 0, 0)

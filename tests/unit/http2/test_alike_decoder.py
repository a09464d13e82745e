"""Connections that begin with the same bytes."""

import hpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeport.http2.alike_decoder import AlikeDecoder
from homeport.http2.errors import Http2Error
from homeport.http2.header_block import HeaderDecoder, Headers

_NAMES = st.sampled_from([b":path", b":method", b"te", b"user-agent", b"hp-epoch", b"x-long-" + b"n" * 40])
_SAID = st.lists(st.lists(st.tuples(_NAMES, st.binary(max_size=12)), max_size=6), max_size=5)


@given(_SAID)
def test_a_first_block_that_was_looked_up_is_read_into_the_state_all_the_same(said: list[Headers]) -> None:
    # With a table, which makes each block depend on those before it.
    encoder, plain, alike = hpack.Encoder(), HeaderDecoder(), AlikeDecoder()
    for headers in said:
        block = encoder.encode(headers)
        assert list(alike.decode(block)) == list(plain.decode(block)) == headers


def test_a_first_block_that_cannot_be_read_is_an_error_each_time() -> None:
    # 0xfe: the 64th entry of the dynamic table, which is empty.
    for _ in range(2):
        with pytest.raises(Http2Error):
            AlikeDecoder().decode(b"\xfe")

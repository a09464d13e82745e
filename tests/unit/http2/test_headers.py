"""Header blocks: what is written is what others read, and what was read once is read again only where it must be."""

import hpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeport.http2.header_block import HeaderDecoder, Headers, Kind, kind_of
from homeport.http2.header_encoder import HeaderEncoder

REQUEST: Headers = [(b":method", b"POST"), (b":scheme", b"http"), (b":path", b"/a"), (b"te", b"trailers")]
NAMES = st.sampled_from([b":status", b":path", b":method", b"content-type", b"x-request-id", b"set-cookie", b"x" * 200])
VALUES = st.sampled_from([b"200", b"/", b"POST", b"", b"y" * 127, b"z" * 5000]) | st.binary(max_size=300)


@given(st.lists(st.lists(st.tuples(NAMES, VALUES), max_size=8), max_size=5))
def test_another_decoder_reads_what_we_write(blocks: list[Headers]) -> None:
    encoder, decoder = HeaderEncoder(), hpack.Decoder(max_header_list_size=1 << 20)
    for headers in blocks:
        assert list(decoder.decode(encoder.encode(headers), raw=True)) == headers


def test_it_holds_whatever_size_of_table_the_other_end_offers() -> None:
    decoder = hpack.Decoder()
    decoder.max_allowed_table_size = 0
    encoder = HeaderEncoder()
    for _ in range(2):
        assert list(decoder.decode(encoder.encode(REQUEST), raw=True)) == REQUEST


@given(st.data())
def test_any_client_is_read_as_it_would_be_without_a_memory(data: st.DataObject) -> None:
    encoder, ours, theirs = hpack.Encoder(), HeaderDecoder(), hpack.Decoder()
    fields = [
        (b":method", b"POST"), (b"x-id", b"1"), (b"x-id", b"2"), (b"te", b"trailers"), (b"grpc-timeout", b"10S"),
    ]  # fmt: skip
    for _ in range(8):
        if data.draw(st.booleans()):
            encoder.header_table_size = data.draw(st.sampled_from([0, 64, 128, 4096]))
        # "Sensitive" fields are written without indexing: their blocks change nothing.
        chosen = [(*field, data.draw(st.booleans())) for field in data.draw(st.lists(st.sampled_from(fields)))]
        block = encoder.encode(chosen)
        assert list(ours.decode(block)) == list(theirs.decode(block, raw=True))


def test_equal_blocks_are_one_until_the_table_changes() -> None:
    encoder, decoder = hpack.Encoder(), HeaderDecoder()
    first = encoder.encode([(b"x", b"1")])
    decoder.decode(first)
    again = encoder.encode([(b"x", b"1")])
    known = decoder.decode(again)
    assert decoder.decode(again) is known
    # The same bytes mean something else now.
    decoder.decode(encoder.encode([(b"x", b"2")]))
    assert decoder.decode(again) == [(b"x", b"2")]


@pytest.mark.parametrize(
    ("headers", "kind"),
    [
        (REQUEST, Kind.REQUEST),
        ([(b":method", b"CONNECT"), (b":protocol", b"websocket"), *REQUEST[1:3], (b":authority", b"a")], Kind.TALK),
        ([(b":method", b"CONNECT"), (b":protocol", b"websocket"), *REQUEST[1:3]], Kind.MALFORMED),
        ([(b":method", b"GET"), (b":protocol", b"websocket"), *REQUEST[1:3], (b":authority", b"a")], Kind.MALFORMED),
        ([(b":method", b"CONNECT"), (b":authority", b"a")], Kind.MALFORMED),
        ([(b":status", b"200")], Kind.RESPONSE),
        ([(b":status", b"ok")], Kind.MALFORMED),
        ([(b":status", b"200"), *REQUEST[:3]], Kind.MALFORMED),
        ([(b"grpc-status", b"0")], Kind.TRAILERS),
        ([(b"te", b"gzip")], Kind.MALFORMED),
        ([(b":unknown", b"")], Kind.MALFORMED),
    ],
)
def test_what_a_block_is(headers: Headers, kind: Kind) -> None:
    assert kind_of(headers) is kind

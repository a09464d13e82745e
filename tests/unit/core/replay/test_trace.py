"""Tables of traffic, as arrivals."""

from collections import Counter
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeport.core.errors import HomeportError
from homeport.core.replay.trace import Trace, read_trace


def read(text: str) -> Trace:
    return read_trace(text.splitlines(keepends=True), Random(1).random)


def test_azures_columns_tell_tokens_and_moments() -> None:
    trace = read(
        "TIMESTAMP,ContextTokens,GeneratedTokens\n"
        "2023-11-16 18:17:04.2345678,800,100\n"
        "2023-11-16 18:17:03.9799600,4000,10\n"
    )
    first, second = trace.arrivals
    assert [first.at, first.service_seconds] == pytest.approx([0.0, 0.8])
    assert [second.at, second.service_seconds] == pytest.approx([0.2546, 3.1], abs=1e-3)
    assert trace.began_at == pytest.approx(1_700_158_623.98, abs=0.01)


def test_seconds_since_the_beginning_need_no_date() -> None:
    trace = read("arrival_seconds,context_tokens,generated_tokens\n105.5,8000,0\n100,0,100\n")
    assert [(each.at, each.service_seconds) for each in trace.arrivals] == [(0.0, 3.0), (5.5, 1.0)]
    assert trace.began_at == 0


MINUTES = (
    "minute,arrivals,completions,mean_service_seconds,waiting_seconds,peak_requests,peak_arrivals,tokens\n"
    "2023-11-14T22:14Z,60,60,0.5,0.0,4,9,0\n"
    "2023-11-14T22:15Z,3,0,0.0,0.0,1,1,0\n"
    "2023-11-14T23:00Z,1,1,2.5,0.0,1,1,0\n"
)


def test_recorded_minutes_keep_their_counts_their_peaks_and_their_gaps() -> None:
    trace = read(MINUTES)
    assert trace.began_at == 1_700_000_040
    assert Counter(int(each.at // 60) for each in trace.arrivals) == {0: 60, 1: 3, 46: 1}
    seconds = Counter(int(each.at) for each in trace.arrivals if each.at < 60)
    assert max(seconds.values()) == 9
    assert {each.service_seconds for each in trace.arrivals if each.at < 60} == {0.5}


def test_a_minute_in_which_nothing_ended_is_taken_to_be_like_the_others() -> None:
    usual = [each.service_seconds for each in read(MINUTES).arrivals if 60 <= each.at < 120]
    assert usual == pytest.approx([(60 * 0.5 + 2.5) / 61] * 3)


def test_the_same_table_is_the_same_traffic() -> None:
    assert read(MINUTES) == read(MINUTES)


@given(st.integers(0, 500), st.integers(0, 600), st.integers(0, 1000))
def test_a_minute_never_has_more_or_fewer_than_it_says(arrivals: int, peak: int, seed: int) -> None:
    table = f"minute,arrivals,mean_service_seconds,peak_arrivals\n2023-11-14T22:14Z,{arrivals + 1},1.0,{peak}\n"
    trace = read_trace(table.splitlines(), Random(seed).random)
    assert len(trace.arrivals) == arrivals + 1
    assert all(0 <= each.at < 60 for each in trace.arrivals)
    busiest = max(Counter(int(each.at) for each in trace.arrivals).values())
    assert not peak or busiest <= max(peak, -(-(arrivals + 1) // 60))


@pytest.mark.parametrize(
    ("table", "path", "message"),
    [
        ("", "", "its columns are missing"),
        ("a,b\n1,2\n", "", "its columns are a, b"),
        ("arrival_seconds,context_tokens,generated_tokens\n", "", "it holds no request"),
        ("arrival_seconds,context_tokens,generated_tokens\n1,2,3\n1,x,3\n", "line 3", "x"),
        ("arrival_seconds,context_tokens,generated_tokens\n1\n", "line 2", ""),
        ("TIMESTAMP,ContextTokens,GeneratedTokens\nyesterday,2,3\n", "line 2", "yesterday"),
        ("minute,arrivals,mean_service_seconds\n2023-11-14T22:14Z,-1,1\n", "line 2", "-1 is not"),
        ("minute,arrivals,mean_service_seconds\n2023-11-14T22:14Z,5,0\n", "", "no minute tells how long"),
    ],
)
def test_a_table_that_cannot_be_read_says_where_and_why(table: str, path: str, message: str) -> None:
    with pytest.raises(HomeportError) as caught:
        read(table)
    assert caught.value.path == path
    assert message in caught.value.message
    assert caught.value.hint

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeport.core.quantity import format_bytes, format_cpu, parse_bytes, parse_cpu_milli


@pytest.mark.parametrize(
    ("text", "milli"),
    [
        ("2", 2000),
        ("0.5", 500),
        ("500m", 500),
        ("1.5", 1500),
        ("0", 0),
        ("0.0001", 1),
        (" 1 ", 1000),
        ("1k", 1_000_000),
    ],
)
def test_cpu(text: str, milli: int) -> None:
    assert parse_cpu_milli(text) == milli


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("16Gi", 16 * 2**30),
        ("1.5Mi", 1_572_864),
        ("500M", 500_000_000),
        ("1073741824", 2**30),
        ("1Ti", 2**40),
        ("1m", 1),
    ],
)
def test_bytes(text: str, count: int) -> None:
    assert parse_bytes(text) == count


@pytest.mark.parametrize(
    "text", ["", "16GB", "16 Gi", "-1", "+1", "1e3", "Gi", "1.", ".5", "0x10", "1Gib", "NaN", "\u0967"]
)
def test_what_is_no_quantity_is_an_error_and_never_zero(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not a size such as"):
        parse_bytes(text)
    with pytest.raises(ValueError, match=r"is not a CPU count such as"):
        parse_cpu_milli(text)


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0"), (1023, "1023"), (1024, "1Ki"), (1_610_612_736, "1.5Gi"), (2**40, "1Ti")]
)
def test_bytes_are_written_in_the_largest_unit(count: int, text: str) -> None:
    assert format_bytes(count) == text


@given(st.integers(0, 10**9))
def test_cpu_reads_back_what_it_wrote(milli: int) -> None:
    assert parse_cpu_milli(format_cpu(milli)) == milli


@given(st.integers(0, 2**50))
def test_bytes_read_back_are_close(count: int) -> None:
    assert abs(parse_bytes(format_bytes(count)) - count) <= max(1, count * 0.06)

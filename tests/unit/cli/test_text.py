import pytest

from homeport.cli.text import cores, duration, ready_of, size


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(-3, "0s"), (0, "0s"), (59.9, "59s"), (60, "1m"), (3599, "59m"), (3600, "1h"), (86_399, "23h"), (86_400, "1d")],
)
def test_duration(seconds: float, expected: str) -> None:
    assert duration(seconds) == expected


@pytest.mark.parametrize(
    ("number", "expected"),
    [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (2**30 * 2, "2.0 GiB"), (2**50 * 3, "3072 TiB")],
)  # fmt: skip
def test_size(number: float, expected: str) -> None:
    assert size(number) == expected


def test_cores_and_counts() -> None:
    assert (cores(2000), cores(500), ready_of({"ready": 1, "total": 2}), ready_of({})) == ("2", "0.5", "1/2", "0/0")

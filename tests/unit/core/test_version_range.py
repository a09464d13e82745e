import pytest

from homeport.core.version_range import is_within, parse_range


@pytest.mark.parametrize(
    ("version", "text", "expected"),
    [
        ("12.4", ">=12.2", True),
        ("12.10", ">=12.2", True),
        ("12", ">=12.0", True),
        ("12.1", ">=12.2", False),
        ("12.4", "==12", True),
        ("12.4", "==12.40", False),
        ("13.0", ">=12.2,<13", False),
        ("570.00.01", ">=535, <580", True),
        ("12.4", "<=12.4", True),
        ("12.4.1", "<=12.4", False),
        ("12.4", ">12.4", False),
        ("", ">=12", False),
        ("N/A", ">=0", False),
    ],
)
def test_a_version_is_within_a_range_when_all_terms_hold(version: str, text: str, expected: bool) -> None:
    assert is_within(version, text) is expected


@pytest.mark.parametrize("text", ["", "12.2", ">= ", "~=12", ">=12,", ">=12.x"])
def test_what_is_no_range_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match=r"write >=12\.2"):
        parse_range(text)

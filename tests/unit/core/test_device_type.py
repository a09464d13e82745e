import pytest

from homeport.core.device_type import is_of_any_type

H100, SLICE = "NVIDIA H100 80GB HBM3", "NVIDIA H100 80GB HBM3 MIG 3g.40gb"


@pytest.mark.parametrize(
    ("name", "patterns", "expected"),
    [
        (H100, (), True),
        (H100, ("h100",), True),
        (H100, ("l4", "NVIDIA-H100*"), True),
        (H100, ("mig-3g.40gb",), False),
        (SLICE, (), False),
        (SLICE, ("h100",), False),
        (SLICE, ("NVIDIA-*",), False),
        (SLICE, ("mig-3g.40gb",), True),
        (SLICE, ("MIG-3g.*",), True),
        (SLICE, ("mig-*",), True),
        (SLICE, ("mig-1g.10gb",), False),
        (SLICE, ("*h100*mig-3g.40gb",), True),
        (SLICE, ("*a100*mig-3g.40gb",), False),
    ],
)
def test_a_slice_is_taken_by_who_asks_for_it_and_a_whole_device_by_others(
    name: str, patterns: tuple[str, ...], expected: bool
) -> None:
    assert is_of_any_type(name, patterns) is expected

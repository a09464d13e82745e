"""Values fall into the narrowest bound that holds them, as Prometheus reads `le`."""

from hypothesis import given
from hypothesis import strategies as st

from homeport.core import canonical
from homeport.core.histogram import Histogram


def test_a_value_on_a_bound_is_inside_it() -> None:
    histogram = Histogram((0.1, 1.0))
    for value in (0.0, 0.1, 0.10001, 1.0, 1.5, 400.0):
        histogram.observe(value)
    assert histogram.counts == [2, 2, 2]
    assert histogram.count == 6
    assert histogram.total == 0.1 + 0.10001 + 1.0 + 1.5 + 400.0


@given(st.lists(st.floats(0, 100)))
def test_each_value_counts_in_each_bound_that_is_not_below_it(values: list[float]) -> None:
    bounds = (0.5, 2.0, 50.0)
    histogram = Histogram(bounds)
    for value in values:
        histogram.observe(value)
    for index, bound in enumerate(bounds):
        assert sum(histogram.counts[: index + 1]) == sum(value <= bound for value in values)
    assert histogram.count == len(values)


def test_it_comes_back_from_its_plain_form() -> None:
    histogram = Histogram((0.1, 1.0))
    histogram.observe(0.5)
    plain = canonical.to_plain(histogram)
    assert canonical.to_plain(canonical.from_plain(Histogram, plain)) == plain

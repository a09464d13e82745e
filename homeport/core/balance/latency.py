"""How soon somebody answers, as a moving average in seconds; 0 = not known."""

# Weight of the newest answer, and what is left of an average after a second: who was slow once is asked again some day.
_NEWEST = 0.2
_KEPT = 0.95


def after_answer(average: float, seconds: float) -> float:
    return average + (seconds - average) * _NEWEST if average else seconds


def after_a_second(average: float) -> float:
    return average * _KEPT

"""How long to wait before the next try."""


def backoff_seconds(failures: int, base: float, cap: float, jitter: float) -> float:
    """base, 2 base, 4 base, ... up to cap, spread over +-25 % so that many waiters do not come at once.

    `failures` is 1 after the first failure; `jitter` is a random number in [0, 1).
    """
    exponent = min(max(failures, 1) - 1, 32)
    return float(min(cap, base * 2**exponent) * (0.75 + jitter / 2))

"""Numbers as people read them."""


def duration(seconds: float) -> str:
    """42s, 3m, 5h, 2d: the largest unit that fits."""
    for limit, size, unit in ((60, 1, "s"), (3600, 60, "m"), (86_400, 3600, "h")):
        if seconds < limit:
            return f"{max(0, int(seconds // size))}{unit}"
    return f"{int(seconds // 86_400)}d"


def size(number: float) -> str:
    """512 MiB, 1.9 GiB."""
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if number < 1024 or unit == "TiB":
            return f"{number:.0f} {unit}" if number >= 10 or unit == "B" else f"{number:.1f} {unit}"
        number /= 1024
    raise AssertionError


def cores(milli: int) -> str:
    return f"{milli / 1000:g}"


def ready_of(counts: dict[str, int]) -> str:
    return f"{counts.get('ready', 0)}/{counts.get('total', 0)}"

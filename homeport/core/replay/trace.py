"""Traffic of the past from a table: requests one by one, or minutes as nodes record them."""

import csv
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from math import ceil, inf
from typing import TypeVar

from homeport.core.errors import ErrorCode, HomeportError
from homeport.core.replay.arrival import Arrival

_AZURE = ("TIMESTAMP", "ContextTokens", "GeneratedTokens")
_RELATIVE = ("arrival_seconds", "context_tokens", "generated_tokens")
_MINUTES = ("minute", "arrivals", "mean_service_seconds")
# What a model reads and writes per second, where a table tells tokens and not time.
_CONTEXT_TOKENS_PER_SECOND = 8000.0
_SECONDS_PER_GENERATED_TOKEN = 0.03

Row = Mapping[str, str]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Trace:
    """In the order of time. `began_at`: when it was, unix seconds; 0 = the table does not say."""

    arrivals: tuple[Arrival, ...]
    began_at: float = 0.0


def read_trace(lines: Iterable[str], uniform: Callable[[], float]) -> Trace:
    """A CSV table with the columns of Azure's traces, with `arrival_seconds,context_tokens,generated_tokens`, or with
    those of `homeport deployment traffic -o csv`. `uniform` gives random numbers in [0, 1): a minute does not say when
    in it its requests came. Raises HomeportError that names the line."""
    reader = csv.DictReader(lines)
    columns = set(reader.fieldnames or ())
    readers: dict[tuple[str, ...], Callable[[Sequence[Row]], Trace]] = {
        _AZURE: _of_azure,
        _RELATIVE: _relative,
        _MINUTES: lambda rows: _of_minutes(rows, uniform),
    }
    known = next((form for form in readers if columns.issuperset(form)), None)
    if known is None:
        forms = ", or ".join(",".join(form) for form in readers)
        raise _bad(f"no table of requests: its columns are {', '.join(sorted(columns)) or 'missing'}", f"give {forms}")
    try:
        trace = readers[known](list(reader))
    except _BadRow as bad:
        raise _bad(bad.problem, "see the columns in its first line", f"line {bad.number + 2}") from None
    if not trace.arrivals:
        raise _bad("it holds no request", "record some traffic first, or choose another time")
    return trace


class _BadRow(Exception):
    """`number` counts from 0."""

    def __init__(self, number: int, problem: str) -> None:
        super().__init__(problem)
        self.number = number
        self.problem = problem


def _of_azure(rows: Sequence[Row]) -> Trace:
    """Seven digits after the point; the standard library reads six."""
    arrivals = _requests(rows, lambda row: _moment(row["TIMESTAMP"][:26]), *_AZURE[1:])
    return _from_the_first(arrivals)


def _relative(rows: Sequence[Row]) -> Trace:
    return Trace(_from_the_first(_requests(rows, lambda row: _number(row["arrival_seconds"]), *_RELATIVE[1:])).arrivals)


def _requests(rows: Sequence[Row], at: Callable[[Row], float], context: str, generated: str) -> list[Arrival]:
    def read(row: Row) -> Arrival:
        reading = _number(row[context]) / _CONTEXT_TOKENS_PER_SECOND
        return Arrival(at(row), reading + _number(row[generated]) * _SECONDS_PER_GENERATED_TOKEN)

    return sorted(_each(rows, read))


def _from_the_first(arrivals: Sequence[Arrival]) -> Trace:
    first = arrivals[0].at if arrivals else 0.0
    return Trace(tuple(Arrival(each.at - first, each.service_seconds) for each in arrivals), first)


@dataclass(frozen=True, slots=True)
class _Minute:
    at: float
    arrivals: int
    service_seconds: float
    peak: int


def _of_minutes(rows: Sequence[Row], uniform: Callable[[], float]) -> Trace:
    minutes = sorted(_each(rows, _minute), key=lambda minute: minute.at)
    timed = [minute for minute in minutes if minute.service_seconds]
    if not timed:
        raise _bad("no minute tells how long its requests took", "record until some have ended")
    requests = sum(max(minute.arrivals, 1) for minute in timed)
    usual = sum(minute.service_seconds * max(minute.arrivals, 1) for minute in timed) / requests
    began_at = minutes[0].at
    arrivals = [
        Arrival(minute.at - began_at + second, minute.service_seconds or usual)
        for minute in minutes
        for second in _seconds(minute, uniform)
    ]
    return Trace(tuple(sorted(arrivals)), began_at)


def _minute(row: Row) -> _Minute:
    arrivals, peak = int(_number(row["arrivals"])), int(row.get("peak_arrivals") or 0)
    # A peak that was not told bounds nothing, and one that cannot be is not believed.
    most = max(peak, ceil(arrivals / 60)) if peak else arrivals
    return _Minute(_moment(row["minute"]), arrivals, _number(row["mean_service_seconds"]), most)


def _seconds(minute: _Minute, uniform: Callable[[], float]) -> list[float]:
    """When its requests came: its busiest second as it was, the others anywhere, and no second busier than that."""
    counts = [0] * 60
    if minute.arrivals:
        counts[int(uniform() * 60)] = min(minute.peak, minute.arrivals)
    for _ in range(minute.arrivals - sum(counts)):
        second = int(uniform() * 60)
        while counts[second] >= minute.peak:
            second = (second + 1) % 60
        counts[second] += 1
    return [second + uniform() for second, count in enumerate(counts) for _ in range(count)]


def _each(rows: Sequence[Row], read: Callable[[Row], T]) -> list[T]:
    found = []
    for number, row in enumerate(rows):
        try:
            found.append(read(row))
        except (TypeError, ValueError) as error:
            raise _BadRow(number, str(error)) from None
    return found


def _number(text: str) -> float:
    number = float(text)
    if not 0 <= number < inf:
        raise ValueError(f"{text} is not a number of 0 or more")
    return number


def _moment(text: str) -> float:
    """Unix seconds of an ISO 8601 time, UTC unless it says otherwise."""
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _bad(message: str, hint: str, path: str = "") -> HomeportError:
    return HomeportError(ErrorCode.INVALID_ARGUMENT, message, hint=hint, path=path)

"""What is said between who leases and who lends: one report, one grant, and only then the next report.

So a grant is always about the report before it, and what was lost with a connection is said anew on the next one.
"""

from dataclasses import dataclass, field

from homeport.core.limits.window import Slots

# Requests, tokens of prompts, tokens of completions.
Counts = list[int]


@dataclass(frozen=True, slots=True)
class Part:
    """Of one access token. `days`: all that was used on each day ("2026-11-21") since this borrower began; only days
    with news. `held`: by the meter's name what is leased and not used, `needs` what must be held for those that wait.
    `recent`: by meter the last minute, where the lender may not know it."""

    days: dict[str, Counts] = field(default_factory=dict)
    in_flight: int = 0
    held: dict[str, int] = field(default_factory=dict)
    needs: dict[str, int] = field(default_factory=dict)
    recent: dict[str, Slots] | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """`boot` is another one each time the borrower begins to count at zero. `first`: of a connection."""

    member: str
    boot: str
    number: int
    tokens: dict[str, Part]
    first: bool = False


@dataclass(frozen=True, slots=True)
class Lease:
    """Of one meter. `held`: what may be used; `left`: what nobody has used; `wait_seconds`: until more can be had."""

    held: int
    left: int
    wait_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Grant:
    """`kept`: the newest report whose counts nobody loses any more. `members`: how many share. `settling`: the lender
    has just begun and does not know everybody's part yet: go on alone."""

    number: int
    kept: int
    members: int
    tokens: dict[str, dict[str, Lease]]
    settling: bool = False

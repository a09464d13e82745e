"""Certificates a, b, c, ... of node n, issued at 100, 200, 300, ...; each lives for 1000 s."""

import pytest

from homeport.core.node_identity import (
    Certificates,
    NodeAccess,
    Refusal,
    Serial,
    Shown,
    refusal,
    refusal_of_open,
    refusal_of_recovery,
)


def shown(letter: str) -> Shown:
    begins_at = 100.0 * (ord(letter) - ord("a") + 1)
    return Shown("n", letter, begins_at, begins_at + 1000)


def serial(letter: str) -> Serial:
    return Serial(letter, shown(letter).begins_at)


RENEWING = Certificates(serial("c"), serial("d"), "b")
SETTLED = Certificates(serial("c"), None, "b")


@pytest.mark.parametrize(
    ("access", "letter", "now", "opens", "goes_on"),
    [
        (NodeAccess(RENEWING), "c", 500, None, None),
        (NodeAccess(RENEWING), "d", 500, None, None),
        (NodeAccess(RENEWING), "b", 500, Refusal.CLONE, None),
        (NodeAccess(RENEWING), "a", 500, Refusal.CLONE, Refusal.SUPERSEDED),
        (NodeAccess(SETTLED), "c", 1299, None, None),
        (NodeAccess(SETTLED), "c", 1300, Refusal.EXPIRED, Refusal.EXPIRED),
        (NodeAccess(SETTLED), "e", 600, None, None),  # the store was restored from before e was issued
        (NodeAccess(None), "a", 500, None, None),  # of a release that remembered none
        (NodeAccess(None), "a", 1100, Refusal.EXPIRED, Refusal.EXPIRED),
        (NodeAccess(SETTLED, locked=True), "c", 500, Refusal.LOCKED, Refusal.LOCKED),
        (NodeAccess(SETTLED, locked=True), "c", 1300, Refusal.LOCKED, Refusal.LOCKED),
        (None, "c", 500, Refusal.NOT_ENROLLED, Refusal.NOT_ENROLLED),
    ],
)
def test_who_may_open_something_and_who_may_go_on(
    access: NodeAccess | None, letter: str, now: float, opens: Refusal | None, goes_on: Refusal | None
) -> None:
    assert refusal(access, shown(letter), now) is opens
    assert refusal_of_open(access, shown(letter), now) is goes_on


@pytest.mark.parametrize(
    ("access", "letter", "expected"),
    [
        (NodeAccess(RENEWING), "c", None),
        (NodeAccess(RENEWING), "d", None),
        (NodeAccess(RENEWING), "b", Refusal.CLONE),
        (NodeAccess(RENEWING, locked=True), "c", Refusal.LOCKED),
        (None, "c", Refusal.NOT_ENROLLED),
    ],
)
def test_expiry_keeps_nobody_from_recovering(access: NodeAccess | None, letter: str, expected: Refusal | None) -> None:
    assert refusal_of_recovery(access, shown(letter)) is expected


def test_a_renewal_has_two_phases() -> None:
    first = Certificates(serial("a"))
    issued = first.issued(serial("b"))
    assert issued.used(shown("a")) == issued, "the old one stays in use until the new one is"
    assert issued.used(shown("b")) == Certificates(serial("b"), None, "a")


def test_of_two_replies_the_later_counts() -> None:
    lost = Certificates(serial("a")).issued(serial("b"))
    assert lost.issued(serial("c")).used(shown("c")) == Certificates(serial("c"), None, "a")
    assert not lost.issued(serial("c")).admits(shown("b"))


def test_what_is_not_admitted_promotes_nothing() -> None:
    assert RENEWING.used(shown("a")) == RENEWING

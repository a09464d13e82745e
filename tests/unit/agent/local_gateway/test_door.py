"""Whom a local gateway lets in, while it may be cut off: tables."""

import pytest

from agent.local_gateway.door import SiteDoor
from homeport.core.node_identity import Certificates, NodeAccess, Refusal, Serial, Shown
from homeport.gateway.tables import GatewayTables

DAY = 86_400.0
KNOWN = NodeAccess(Certificates(Serial("b", 1000.0), Serial("c", 2000.0), "a"))
IN_USE, NEXT, BEFORE, NEWER = (
    Shown("n1", serial, begins, begins + DAY)
    for serial, begins in (("b", 1000.0), ("c", 2000.0), ("a", 500.0), ("d", 3000.0))
)


def door(now: float = 5000.0, access: NodeAccess | None = KNOWN, epoch: int = 0) -> SiteDoor:
    tables = GatewayTables()
    if access is not None:
        tables.nodes["n1"] = access
    if epoch:
        tables.epochs["n1"] = epoch
    return SiteDoor(tables, lambda: now, lambda: 7 * DAY)


@pytest.mark.parametrize(
    ("shown", "now", "access", "expected"),
    [
        (IN_USE, 5000.0, KNOWN, None),
        (NEXT, 5000.0, KNOWN, None),
        (NEWER, 5000.0, KNOWN, None),
        (BEFORE, 5000.0, KNOWN, Refusal.CLONE),
        (IN_USE, 5000.0, None, Refusal.NOT_ENROLLED),
        (IN_USE, 5000.0, NodeAccess(KNOWN.certificates, locked=True), Refusal.LOCKED),
        # Nobody can renew it here: it is good for seven days more.
        (IN_USE, 1000.0 + 2 * DAY, KNOWN, None),
        (IN_USE, 999.0 + 8 * DAY, KNOWN, None),
        (IN_USE, 1000.0 + 8 * DAY, KNOWN, Refusal.EXPIRED),
        # A host without a clock of its own begins in 1970.
        (IN_USE, 10.0, KNOWN, None),
    ],
)
def test_certificates(shown: Shown, now: float, access: NodeAccess | None, expected: Refusal | None) -> None:
    assert door(now, access).refusal(shown, 3) == expected


def test_what_is_open_may_finish_on_the_certificate_before() -> None:
    assert door().refusal_of_open(BEFORE) is None
    assert door(1000.0 + 9 * DAY).refusal_of_open(IN_USE) is Refusal.EXPIRED


@pytest.mark.parametrize(
    ("known", "shown", "expected"),
    [
        (5, 5, None),
        # Its session began after the control plane was heard here last.
        (5, 6, None),
        (5, 4, Refusal.SUPERSEDED),
        # Its disk has forgotten.
        (5, 0, None),
        (0, 3, None),
    ],
)
def test_epochs(known: int, shown: int, expected: Refusal | None) -> None:
    assert door(epoch=known).refusal(IN_USE, shown) == expected


def test_an_older_epoch_than_was_seen_is_a_copys() -> None:
    entrance = door(epoch=5)
    assert entrance.refusal(IN_USE, 7) is None
    assert entrance.refusal(IN_USE, 6) is Refusal.SUPERSEDED
    assert entrance.refusal(IN_USE, 7) is None

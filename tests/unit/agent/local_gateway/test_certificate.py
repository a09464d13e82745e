"""The certificate of a local gateway on the disk: used while it is this node's, and due at half of its life."""

import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from agent.local_gateway.certificate import GatewayCertificate, GatewayPair
from agent.state.identity import Identity

DAY = 86_400.0
PAIR = GatewayPair("n1", "key", "certificate", "", ("plant.local",), 1000.0, 30 * DAY)
IDENTITY = Identity("n1", "home", "default", "127.0.0.1:1", b"", b"", b"", 1, "", 0.0)


@pytest.mark.parametrize(
    ("wall", "due"),
    [(1000.0, False), (999.0 + 15 * DAY, False), (1000.0 + 15 * DAY, True), (999.0, True), (1000.0 + 90 * DAY, True)],
)
def test_it_is_due_at_half_of_its_life_and_where_the_clock_was_wrong(wall: float, due: bool) -> None:
    assert PAIR.is_due(wall) is due


@pytest.mark.parametrize(
    ("stored", "used"),
    [
        (json.dumps(asdict(PAIR)), True),
        (json.dumps(asdict(replace(PAIR, node_id="n2"))), False),
        # The host is called otherwise now.
        (json.dumps(asdict(replace(PAIR, names=()))), False),
        (json.dumps(asdict(PAIR))[:40], False),
        ("[]", False),
        (None, False),
    ],
)
def test_what_is_of_no_use_is_left_alone(tmp_path: Path, stored: str | None, used: bool) -> None:
    file = tmp_path / "local-gateway.json"
    if stored is not None:
        file.write_text(stored)
    told: list[GatewayPair] = []
    certificate = GatewayCertificate(
        file, lambda: IDENTITY, ("plant.local",), lambda: 1000.0, lambda: False, lambda: 0.5
    )
    certificate.on_change = told.append
    certificate.load()
    assert (certificate.pair, told) == ((PAIR, [PAIR]) if used else (None, []))

"""What a node is sent of secrets."""

import base64
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from homeport_proto.v1 import session_pb2 as pb

from controlplane.secrets.node_secrets import NodeSecrets
from controlplane.sessions.desired_state import DesiredStates, Touched
from controlplane.store.store import Kind, Transaction
from homeport.core.sealed_secrets import SealedSecrets
from homeport.core.secrets import Values
from homeport.sealed_box import NotOpened, key_id
from homeport.sealed_secrets import open_secrets
from tests.fakes.fleet_site import Site, deployment, version
from tests.fakes.planted import forms_of, planted

Key = ec.EllipticCurvePrivateKey
TOKEN, OTHER, UNUSED = planted(), planted(), planted()
USES = [{"id": "hub", "key": "token", "env_var": "HF_TOKEN"}]


def _place(tx: Transaction, id: str, deployment_id: str, node_id: str) -> None:
    budget = {"revision": 1, "rank": 0, "min_replicas": 0, "max_replicas": 1, "devices": []}
    tx.create(Kind.PLACEMENT, id, {"deployment_id": deployment_id, "node_id": node_id, **budget})


@pytest.fixture
async def site() -> Site:
    """Deployment chat (on n1) is given hub's token, plain (on n1 and n2) nothing."""
    site = Site()
    await site.store.open()
    await site.apply(
        {"compute_cluster": {"id": "office"}},
        {"nodepool": {"id": "shared", "compute_cluster": {"id": "office"}}},
        {"secret": {"id": "hub", "data": {"token": TOKEN, "unused": UNUSED}}},
        {"secret": {"id": "other", "data": {"token": OTHER}}},
        {"model": {"id": "m"}},
        {"model": {"id": "n"}},
        version("v1", secrets=USES),
        version("v1", model="n"),
        {"deployment": deployment("chat")},
        {"deployment": deployment("plain", model="n")},
    )
    for id, deployment_id, node_id in (("p1", "chat", "n1"), ("p2", "plain", "n1"), ("p3", "plain", "n2")):
        await site.write(lambda tx, place=(id, deployment_id, node_id): _place(tx, *place))  # type: ignore[misc]
    return site


def _desired(site: Site) -> DesiredStates:
    return DesiredStates(site.store, NodeSecrets(site.store, site.vault))


def _opened(message: pb.Placement, key: Key, node_id: str = "n1") -> Values:
    sealed = SealedSecrets(message.secrets.key_id, base64.b64encode(message.secrets.box).decode())
    return open_secrets(sealed, node_id, message.placement_id, {key_id(key.public_key()): key})


def _new_key() -> Key:
    return ec.generate_private_key(ec.SECP256R1())


async def test_a_node_gets_what_its_own_placements_need(site: Site) -> None:
    key = _new_key()
    sent = _desired(site).snapshot("n1", key.public_key())
    with_secrets, without = sorted(sent.placements, key=lambda each: each.placement_id)
    assert _opened(with_secrets, key) == {"hub": {"token": TOKEN}}
    assert not without.HasField("secrets")
    assert not any(each.HasField("secrets") for each in _desired(site).snapshot("n2", key.public_key()).placements)
    wire = sent.SerializeToString()
    assert not any(form in wire for value in (TOKEN, OTHER, UNUSED) for form in forms_of(value))


async def test_each_session_is_sealed_to_the_key_of_its_certificate(site: Site) -> None:
    before, after = _new_key(), _new_key()
    desired = _desired(site)
    for key in (before, after):
        (first, _) = sorted(desired.snapshot("n1", key.public_key()).placements, key=lambda each: each.placement_id)
        assert _opened(first, key)["hub"]["token"] == TOKEN
    with pytest.raises(NotOpened):
        _opened(first, before)
    with pytest.raises(NotOpened):
        _opened(first, after, node_id="n2")
    (unsealed,) = [each for each in desired.snapshot("n1", None).placements if each.placement_id == "p1"]
    assert not unsealed.HasField("secrets")


async def test_a_changed_value_is_in_the_next_message_with_another_hash(site: Site) -> None:
    key, desired = _new_key(), _desired(site)
    (before,) = desired.delta("n1", Touched({"p1"}), 1, key.public_key()).placements
    await site.apply({"secret": {"id": "hub", "data": {"token": OTHER, "unused": "(hidden)"}}})

    def follow(tx: Transaction) -> Any:
        record = tx.get(Kind.PLACEMENT, "p1")
        assert record is not None
        return tx.put_spec(Kind.PLACEMENT, "p1", {**record.spec, "revision": 2})

    await site.write(follow)
    (after,) = desired.delta("n1", Touched({"p1"}), 2, key.public_key()).placements
    assert _opened(after, key) == {"hub": {"token": OTHER}}
    assert after.spec_hash != before.spec_hash


async def test_a_secret_that_cannot_be_opened_holds_up_nothing_else(site: Site) -> None:
    record = site.get(Kind.SECRET, "hub")
    sealed = {**record.status["sealed"], "content": base64.b64encode(b"x" * 40).decode()}
    await site.write(lambda tx: tx.put_status(Kind.SECRET, "hub", {**record.status, "sealed": sealed}))
    sent = _desired(site).snapshot("n1", _new_key().public_key())
    assert [(each.placement_id, each.HasField("secrets")) for each in sent.placements] == [("p1", False), ("p2", False)]

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from homeport.core.sealed_secrets import SealedSecrets
from homeport.sealed_box import NotOpened, key_id, seal, unseal
from homeport.sealed_secrets import open_secrets, seal_secrets

KEY, OTHER = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
VALUES = {"hub": {"token": "hf_1"}}


@given(content=st.binary(max_size=2000), place=st.binary(max_size=50))
def test_what_is_sealed_opens_with_its_key_and_place(content: bytes, place: bytes) -> None:
    box = seal(KEY.public_key(), content, place)
    assert unseal(KEY, box, place) == content
    assert len(content) < 8 or content not in box


@given(at=st.integers(min_value=0, max_value=10_000), flip=st.integers(min_value=1, max_value=255))
def test_one_flipped_byte_opens_nothing(at: int, flip: int) -> None:
    box = bytearray(seal(KEY.public_key(), b"content", b"place"))
    box[at % len(box)] ^= flip
    with pytest.raises(NotOpened):
        unseal(KEY, bytes(box), b"place")


@pytest.mark.parametrize("length", [0, 1, 64, 65, 77, 92])
def test_a_box_that_is_cut_off_opens_nothing(length: int) -> None:
    with pytest.raises(NotOpened):
        unseal(KEY, seal(KEY.public_key(), b"", b"place")[:length], b"place")


def test_another_key_or_place_opens_nothing() -> None:
    box = seal(KEY.public_key(), b"content", b"place")
    for key, place in ((OTHER, b"place"), (KEY, b"elsewhere"), (KEY, b"")):
        with pytest.raises(NotOpened):
            unseal(key, box, place)


def test_secrets_open_for_their_placement_on_their_node_alone() -> None:
    sealed = seal_secrets(VALUES, "node-1", "p-1", KEY.public_key())
    keys = {key_id(each.public_key()): each for each in (OTHER, KEY)}
    assert open_secrets(sealed, "node-1", "p-1", keys) == VALUES
    for node, placement in (("node-2", "p-1"), ("node-1", "p-2")):
        with pytest.raises(NotOpened):
            open_secrets(sealed, node, placement, keys)
    with pytest.raises(NotOpened):
        open_secrets(sealed, "node-1", "p-1", {key_id(OTHER.public_key()): OTHER})
    with pytest.raises(NotOpened):
        open_secrets(SealedSecrets(key_id(OTHER.public_key()), sealed.box), "node-1", "p-1", keys)

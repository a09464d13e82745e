"""What the store holds of secrets, and the key that opens it."""

import json
from pathlib import Path

import pytest

from controlplane.secrets.master_key import MasterKeys, new_key, open_master_keys, write_keys
from controlplane.secrets.rotation import open_vault, rotate
from controlplane.secrets.vault import Vault
from controlplane.store.memory import MemoryStore
from controlplane.store.store import Kind
from homeport.core.errors import ErrorCode, HomeportError
from tests.fakes.clock import FakeClock
from tests.fakes.planted import forms_of, planted

KEYS = MasterKeys((new_key(),))
VALUES = {"token": planted(), "empty": "", "words": "ünï\ncode"}


def test_values_come_back_and_are_not_in_what_is_kept() -> None:
    sealed = Vault(KEYS).seal("hub", VALUES)
    kept = json.dumps(sealed).encode()
    assert Vault(KEYS).open("hub", sealed) == VALUES
    assert not any(form in kept for form in forms_of(VALUES["token"]))
    assert Vault(KEYS).seal("hub", VALUES)["content"] != sealed["content"]


@pytest.mark.parametrize("part", ["content", "data_key"])
def test_what_was_sealed_for_another_secret_does_not_open(part: str) -> None:
    vault = Vault(KEYS)
    own, other = vault.seal("hub", VALUES), vault.seal("other", {"token": "theirs"})
    with pytest.raises(HomeportError) as caught:
        vault.open("hub", {**own, part: other[part]})
    assert caught.value.code is ErrorCode.INTERNAL
    assert "homeport secret update" in caught.value.hint
    with pytest.raises(HomeportError):
        vault.open("hub", other)


def test_after_a_rotation_the_old_key_opens_nothing() -> None:
    sealed = Vault(KEYS).seal("hub", VALUES)
    both = KEYS.with_new()
    rewrapped = Vault(both).rewrap("hub", sealed)
    assert rewrapped["content"] == sealed["content"]
    newest = Vault(both.without_old())
    assert newest.open("hub", rewrapped) == VALUES
    assert newest.rewrap("hub", rewrapped) == rewrapped
    for vault, kept in ((Vault(KEYS), rewrapped), (newest, sealed)):
        with pytest.raises(HomeportError):
            vault.open("hub", kept)


def test_the_file_is_made_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "master-key"
    keys = open_master_keys(path, ())
    assert path.stat().st_mode & 0o777 == 0o600
    assert open_master_keys(path, [keys.current]) == keys
    write_keys(path, keys.with_new())
    assert len(open_master_keys(path, [keys.current]).keys) == 2


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (None, "is not there"),
        ("", "must hold 32 bytes"),
        ("# only a comment\n", "must hold 32 bytes"),
        ("bm90IGEga2V5\n", "must hold 32 bytes"),
        ("not base64!\n", "not base64"),
        ("A" * 43 + "=\n", "holds another key"),
    ],
)
def test_a_file_that_does_not_fit_is_refused_and_left_as_it_is(tmp_path: Path, text: str | None, says: str) -> None:
    path = tmp_path / "master-key"
    if text is not None:
        path.write_text(text)
    with pytest.raises(HomeportError, match=says) as caught:
        open_master_keys(path, [KEYS.current])
    assert "restore" in caught.value.hint
    assert (path.read_text() if path.exists() else None) == text


async def test_a_rotation_that_was_killed_is_finished_by_the_next_start(tmp_path: Path) -> None:
    store, path = MemoryStore(FakeClock(1.7e9)), tmp_path / "master-key"
    await store.open()
    vault = await open_vault(store, path)
    sealed = {"version": 1, "changed_at": 1.0, "sealed": vault.seal("hub", VALUES)}
    await store.write(lambda tx: tx.create(Kind.SECRET, "hub", {}, sealed))
    before = open_master_keys(path, ())
    write_keys(path, before.with_new())  # and killed here

    after = await open_vault(store, path)
    record = store.get(Kind.SECRET, "hub")
    assert record is not None
    assert after.open("hub", record.status["sealed"]) == VALUES
    newest = open_master_keys(path, ())
    assert len(newest.keys) == 1 and newest != before
    assert await rotate(store, path) == 1
    assert open_master_keys(path, ()) != newest
    await store.close()

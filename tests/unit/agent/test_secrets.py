"""Secrets on a host: opened for a replica that starts, or a reason why not."""

import os
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from agent.drivers.docker.body import create_body
from agent.drivers.docker.secret_files import program_of, write_secrets
from agent.drivers.driver import Labels, StartRefused, StartRequest
from agent.drivers.process.environment import environment_of
from agent.placement import Placement
from agent.policy import HostPolicy
from agent.secrets.memory_folder import MemoryFolder, is_in_memory
from agent.secrets.opener import Opener
from agent.secrets.replica_secrets import NO_SECRETS, ReplicaSecrets, SecretFolder, SecretsMissing
from homeport.core.secrets import SecretFiles, SecretValue, Values
from homeport.core.workload import Workload
from homeport.sealed_secrets import seal_secrets
from tests.fakes.planted import forms_of, planted

KEY, OLDER, STRANGE = (ec.generate_private_key(ec.SECP256R1()) for _ in range(3))
VALUE = planted()
WORKLOAD = Workload(
    "process",
    secret_env={"HF_TOKEN": SecretValue("hub", "token", "7")},
    secret_files=(SecretFiles("tls", {"key.pem": "8", "cert.pem": "8"}, "/run/secrets/tls", "TLS_KEY", "key.pem"),),
)
VALUES: Values = {"hub": {"token": VALUE}, "tls": {"key.pem": "k", "cert.pem": "c"}}
MEMORY = Path("/dev/shm")
needs_memory = pytest.mark.skipif(not is_in_memory(MEMORY), reason="no tmpfs at /dev/shm")


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    no_password = serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, no_password)


def _placement(key: ec.EllipticCurvePrivateKey = KEY, values: Values = VALUES, placement_id: str = "p1") -> Placement:
    sealed = seal_secrets(values, "n1", placement_id, key.public_key())
    return Placement("p1", "chat", 1, 0, 0, 1, WORKLOAD, "h", secrets=sealed)


def _opener(policy: HostPolicy | None = None) -> Opener:
    return Opener("n1", lambda: [_pem(KEY), _pem(OLDER)], policy or HostPolicy())


@pytest.mark.parametrize("key", [KEY, OLDER])
async def test_what_is_sealed_to_this_key_or_the_one_before_opens(key: ec.EllipticCurvePrivateKey) -> None:
    opened = await _opener().open(WORKLOAD, _placement(key))
    assert opened.env == {"HF_TOKEN": VALUE}
    (folder,) = opened.folders
    assert (folder.target, folder.files) == ("/run/secrets/tls", {"key.pem": "k", "cert.pem": "c"})
    assert folder.told("/x") == {"TLS_KEY": "/x/key.pem"}
    assert not any(form.decode() in repr(opened) for form in forms_of(VALUE))


@pytest.mark.parametrize(
    ("placement", "policy", "says"),
    [
        (None, HostPolicy(), "has not sent its secrets yet"),
        (
            replace(_placement(), secrets=Placement("p", "d", 1, 0, 0, 1, WORKLOAD, "h").secrets),
            HostPolicy(),
            "not sent",
        ),
        (_placement(STRANGE), HostPolicy(), "sealed to another key"),
        (_placement(placement_id="p2"), HostPolicy(), "sealed to another key"),
        (_placement(values={"hub": {"token": VALUE}}), HostPolicy(), "has not sent tls of its secrets"),
        (_placement(), HostPolicy(secrets=False), "not allowed on this host"),
    ],
)
async def test_a_reason_is_said_and_no_value(placement: Placement | None, policy: HostPolicy, says: str) -> None:
    with pytest.raises(SecretsMissing, match=says) as caught:
        await _opener(policy).open(WORKLOAD, placement)
    assert VALUE not in str(caught.value)


async def test_without_secrets_nothing_is_asked_for() -> None:
    assert await _opener(HostPolicy(secrets=False)).open(Workload("process"), None) is NO_SECRETS


def _request(secrets: ReplicaSecrets) -> StartRequest:
    labels = Labels("r-1", "chat")
    return StartRequest(labels, ("serve",), {"A": "1"}, "", "image:1", "127.0.0.1", 8000, 8000, secrets=secrets)


SECRETS = ReplicaSecrets({"HF_TOKEN": VALUE}, (SecretFolder("/certs", "CERTS", "", {"cert.pem": VALUE}),))


def test_a_process_has_them_in_its_environment_and_no_repr_does() -> None:
    request = _request(SECRETS)
    assert environment_of(request, "n1")["HF_TOKEN"] == VALUE
    assert VALUE not in repr(request)


@needs_memory
def test_an_engine_is_told_paths_and_no_value(tmp_path: Path) -> None:
    memory = MemoryFolder(str(tmp_path), (MEMORY,))
    try:
        files = write_secrets(memory, "r-1", SECRETS)
        body = create_body(_request(SECRETS), "n1", [], files, ["serve"])
        assert VALUE not in str(body)
        assert body["Entrypoint"][0] == "/bin/sh"
        assert body["Cmd"] == ["serve"]
        assert {each["Target"] for each in body["HostConfig"]["Mounts"]} == {"/certs", "/run/homeport/environment"}
        assert "CERTS=/certs" in body["Env"]
        assert all(Path(each["Source"]).exists() for each in body["HostConfig"]["Mounts"])
    finally:
        memory.remove("r-1")
    assert create_body(_request(NO_SECRETS), "n1", [])["Cmd"] == ["serve"]


@pytest.mark.parametrize(
    ("image", "entrypoint", "command", "program"),
    [
        ({"Entrypoint": ["vllm"], "Cmd": ["serve"]}, (), (), ["vllm", "serve"]),
        ({"Entrypoint": ["vllm"], "Cmd": ["serve"]}, (), ("bench",), ["vllm", "bench"]),
        ({"Entrypoint": ["vllm"], "Cmd": ["serve"]}, ("sh", "-c"), ("id",), ["sh", "-c", "id"]),
        ({"Entrypoint": ["vllm"], "Cmd": ["serve"]}, ("top",), (), ["top"]),
        ({"Entrypoint": None, "Cmd": ["serve"]}, (), (), ["serve"]),
    ],
)
def test_the_program_is_what_the_engine_would_have_run(
    image: dict[str, list[str]], entrypoint: tuple[str, ...], command: tuple[str, ...], program: list[str]
) -> None:
    assert program_of({"Config": image}, entrypoint, command) == program


@needs_memory
def test_files_are_closed_to_other_users_of_the_host_and_open_inside(tmp_path: Path) -> None:
    memory = MemoryFolder(str(tmp_path), (MEMORY,))
    before = os.umask(0o077)
    try:
        folder = memory.write("r-1", {"0/key": "one", "environment": "A='1'"})
        assert folder.parent.stat().st_mode & 0o777 == 0o700
        assert (folder / "0").stat().st_mode & 0o777 == 0o755
        assert (folder / "0" / "key").stat().st_mode & 0o777 == 0o444
        inode = (folder / "0").stat().st_ino
        memory.write("r-1", {"0/key": "two"})
        assert ((folder / "0").stat().st_ino, (folder / "0" / "key").read_text()) == (inode, "two")
    finally:
        os.umask(before)
        memory.remove("r-1")
    assert not folder.parent.exists()


def test_a_disk_is_no_place_for_them(tmp_path: Path) -> None:
    places = () if is_in_memory(tmp_path) else (tmp_path,)
    with pytest.raises(StartRefused, match="no folder in memory"):
        MemoryFolder("x", places).write("r-1", {"0/key": "one"})
    assert list(tmp_path.iterdir()) == []


@needs_memory
def test_a_folder_that_others_have_made_is_not_used(tmp_path: Path) -> None:
    memory = MemoryFolder(str(tmp_path), (MEMORY,))
    folder = memory.write("r-1", {"0/key": "one"})
    memory.remove("r-1")
    folder.parent.mkdir()
    folder.parent.chmod(0o777)
    try:
        with pytest.raises(StartRefused, match="no folder in memory"):
            memory.write("r-1", {"0/key": "one"})
    finally:
        folder.parent.rmdir()

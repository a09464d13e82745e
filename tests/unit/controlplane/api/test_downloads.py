"""What hosts install from: a wheelhouse, served file by file."""

import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from controlplane.api.downloads import create_downloads, install_command, open_wheelhouse
from homeport.core.errors import HomeportError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "wheelhouse"
    folder.mkdir()
    (folder / "homeport-0.1.0-py3-none-any.whl").write_bytes(b"wheel")
    (folder / "not-listed").write_text("private")
    (folder / "install.sh").write_text("#!/bin/sh\n")
    (folder / "SHA256SUMS").write_text("00  homeport-0.1.0-py3-none-any.whl\n00  gone.whl\n00  ../outside\n")
    return folder


@pytest.fixture
async def url(folder: Path) -> AsyncIterator[str]:
    runner = web.AppRunner(create_downloads(open_wheelhouse(folder)))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/install.sh", 200),
        ("/wheels/", 200),
        ("/wheels/SHA256SUMS", 200),
        ("/wheels/homeport-0.1.0-py3-none-any.whl", 200),
        ("/wheels/not-listed", 404),
        ("/wheels/gone.whl", 404),
        ("/wheels/..%2foutside", 404),
        ("/", 404),
    ],
)
async def test_listed_files_and_no_others(url: str, path: str, status: int) -> None:
    async with aiohttp.ClientSession() as session, session.get(url + path) as answer:
        assert answer.status == status


async def test_the_listing_is_what_pip_reads(url: str) -> None:
    async with aiohttp.ClientSession() as session, session.get(f"{url}/wheels/") as answer:
        text = await answer.text()
    assert '<a href="homeport-0.1.0-py3-none-any.whl">' in text
    assert "not-listed" not in text


def test_the_command_names_the_digest(folder: Path) -> None:
    command = install_command("http://hub:8445", open_wheelhouse(folder), "hub:8442", "hp1.a.b.c")
    digest = hashlib.sha256((folder / "install.sh").read_bytes()).hexdigest()
    assert f"echo '{digest}  '$f | sha256sum --check" in command
    assert "agent --server hub:8442 --token hp1.a.b.c --wheelhouse http://hub:8445/wheels" in command
    assert "\n" not in command


def test_a_folder_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(HomeportError, match=r"is no wheelhouse.*make wheelhouse"):
        open_wheelhouse(tmp_path)

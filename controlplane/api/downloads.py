"""What a host needs to become a node, served to hosts: the folder that installers/wheelhouse.sh has made.

Plain HTTP, since a host that has not joined trusts nobody yet: nothing of it is secret, and the command that a person
carries over names the digest of install.sh, which names the digests of all the rest.
"""

import hashlib
import html
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from homeport.core.errors import ErrorCode, HomeportError

_SUMS = "SHA256SUMS"
_SCRIPT = "install.sh"


@dataclass(frozen=True, slots=True)
class Wheelhouse:
    """`names` are the files of the folder that may be served; `script_sha256` is install.sh's, hex."""

    folder: Path
    names: frozenset[str]
    script_sha256: str


def open_wheelhouse(folder: Path) -> Wheelhouse:
    """Raises HomeportError when the folder is none."""
    try:
        listed = [line.split(maxsplit=1)[1].strip() for line in (folder / _SUMS).read_text().splitlines()]
        digest = hashlib.sha256((folder / _SCRIPT).read_bytes()).hexdigest()
    except (OSError, IndexError) as error:
        raise HomeportError(
            ErrorCode.INVALID_ARGUMENT,
            f"{folder} is no wheelhouse: {error}",
            hint="make one with `make wheelhouse`, or leave out --wheelhouse",
        ) from None
    names = [name for name in listed if "/" not in name and (folder / name).is_file()]
    return Wheelhouse(folder, frozenset([*names, _SUMS, _SCRIPT]), digest)


def create_downloads(wheelhouse: Wheelhouse) -> web.Application:
    """`/install.sh`, and `/wheels/` as pip's --find-links takes it."""

    async def script(_: web.Request) -> web.FileResponse:
        return web.FileResponse(wheelhouse.folder / _SCRIPT)

    async def listing(_: web.Request) -> web.Response:
        links = [f'<a href="{html.escape(name)}">{html.escape(name)}</a>' for name in sorted(wheelhouse.names)]
        return web.Response(text="<!DOCTYPE html>\n" + "<br>\n".join(links), content_type="text/html")

    async def file(request: web.Request) -> web.FileResponse:
        name = request.match_info["name"]
        if name not in wheelhouse.names:
            raise web.HTTPNotFound
        return web.FileResponse(wheelhouse.folder / name)

    app = web.Application(client_max_size=1)
    app.router.add_get(f"/{_SCRIPT}", script)
    app.router.add_get("/wheels/", listing)
    app.router.add_get("/wheels/{name}", file)
    return app


def install_command(base_url: str, wheelhouse: Wheelhouse, enroll: str, token: str) -> str:
    """One line for root's shell on a host where nothing of ours is yet. `enroll` is host:port."""
    return (
        f"f=$(mktemp) && curl -fsS {base_url}/{_SCRIPT} -o $f && echo '{wheelhouse.script_sha256}  '$f | "
        f"sha256sum --check --quiet && sh $f agent --server {enroll} --token {token} --wheelhouse {base_url}/wheels"
    )

"""The API's description, and a page that shows it. Every file of the page is served from here: it needs no network."""

import asyncio
import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from aiohttp import web
from swagger_ui_bundle import swagger_ui_path

from controlplane.api.routing import PREFIX

_BUNDLE = Path(str(swagger_ui_path))
_FILES = ("swagger-ui.css", "swagger-ui-bundle.js", "favicon-32x32.png")
_OWN = Path(__file__).parent / "docs_page"
_HEADERS = {
    # Swagger UI sets styles on elements and draws its icons from data: URLs.
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}


def add_docs(app: web.Application, document: Callable[[], dict[str, Any]]) -> None:
    """`document` is made when somebody first asks for it: that takes longer than a start may."""

    @cache
    def text() -> str:
        return json.dumps(document())

    async def openapi(_: web.Request) -> web.Response:
        return web.json_response(text=await asyncio.to_thread(text))

    async def page(_: web.Request) -> web.FileResponse:
        return web.FileResponse(_OWN / "index.html", headers=_HEADERS)

    async def file(request: web.Request) -> web.FileResponse:
        name = request.match_info["file"]
        if name not in _FILES and name != "start.js":
            raise web.HTTPNotFound
        return web.FileResponse((_BUNDLE if name in _FILES else _OWN) / name, headers=_HEADERS)

    app.router.add_get(f"{PREFIX}/openapi.json", openapi, allow_head=False)
    app.router.add_get(f"{PREFIX}/docs", page, allow_head=False)
    app.router.add_get(f"{PREFIX}/docs/{{file}}", file, allow_head=False)

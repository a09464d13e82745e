"""The one form of the few answers that a person looks at in a browser."""

from html import escape

from aiohttp import web

_STYLE = "body{font:1.1rem/1.5 system-ui;max-width:36rem;margin:15vh auto;padding:0 1rem}code{font-size:1.5rem}"
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
}


def page(title: str, text: str, code: str = "", status: int = 200) -> web.Response:
    """`code` is for copying. All three may be of somebody else's making."""
    copied = f"<p><code>{escape(code)}</code></p>" if code else ""
    body = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Homeport</title><style>{_STYLE}</style>'
        f"<h1>{escape(title)}</h1><p>{escape(text)}</p>{copied}</html>"
    )
    return web.Response(text=body, status=status, content_type="text/html", headers=_HEADERS)

"""The cookie that keeps a browser's session."""

from dataclasses import dataclass

from aiohttp import web

# What a page has to send back with whatever changes something.
CSRF_HEADER = "X-CSRF-Token"


@dataclass(frozen=True, slots=True)
class Cookie:
    """`secure`: browsers reach this server by https. Then they take the cookie from no other host, port or path than
    this one's. Without it, that is on loopback, they could not keep such a cookie."""

    name: str
    secure: bool

    @property
    def full_name(self) -> str:
        return f"__Host-{self.name}" if self.secure else self.name

    def of(self, request: web.Request) -> str:
        """Empty when it was not sent."""
        return request.cookies.get(self.full_name, "")

    def put(self, response: web.StreamResponse, value: str, seconds: float) -> None:
        """Lax, so that a link to a page of ours opens it as whom one is; Strict would show it to nobody."""
        response.set_cookie(
            self.full_name, value, max_age=int(seconds), path="/", httponly=True, secure=self.secure, samesite="Lax"
        )

    def remove(self, response: web.StreamResponse) -> None:
        response.del_cookie(self.full_name, path="/", httponly=True, secure=self.secure, samesite="Lax")

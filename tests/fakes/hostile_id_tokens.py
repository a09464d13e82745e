"""ID tokens that must sign nobody in, each made of right claims and the provider's own key."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any

from joserfc import jwt
from joserfc.jwk import ECKey, OctKey

Claims = dict[str, Any]
Lie = Callable[[Claims, ECKey], str]


def _part(value: Any) -> str:
    text = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(text).decode().rstrip("=")


def _signed(claims: Claims, key: ECKey, **header: Any) -> str:
    return jwt.encode({"alg": "ES256", "kid": key.kid, **header}, claims, key)


def _with(**changed: Any) -> Lie:
    """Of claims that differ so; None leaves one out."""

    def lie(claims: Claims, key: ECKey) -> str:
        return _signed({name: each for name, each in {**claims, **changed}.items() if each is not None}, key)

    return lie


def _shifted(**seconds: float) -> Lie:
    return lambda claims, key: _signed({**claims, **{n: claims["iat"] + s for n, s in seconds.items()}}, key)


def _unsigned(claims: Claims, key: ECKey) -> str:
    return f"{_part({'alg': 'none'})}.{_part(claims)}."


def _signature_of_public_key(claims: Claims, key: ECKey) -> str:
    """The old trick: HS256, with the public key that everybody knows as the secret."""
    text = f"{_part({'alg': 'HS256', 'kid': key.kid})}.{_part(claims)}"
    return f"{text}.{_part(hmac.new(key.as_pem(private=False), text.encode(), hashlib.sha256).digest())}"


def _tampered(claims: Claims, key: ECKey) -> str:
    header, _, signature = _signed(claims, key).split(".")
    return f"{header}.{_part({**claims, 'sub': 'admin'})}.{signature}"


def _without_signature(claims: Claims, key: ECKey) -> str:
    return _signed(claims, key).rpartition(".")[0] + "."


_STRANGER = ECKey.generate_key("P-256")


def _brings_its_key(claims: Claims, key: ECKey) -> str:
    return jwt.encode({"alg": "ES256", "kid": key.kid, "jwk": _STRANGER.as_dict(private=False)}, claims, _STRANGER)


def _other_kid(claims: Claims, key: ECKey) -> str:
    return jwt.encode({"alg": "ES256", "kid": "unheard-of"}, claims, _STRANGER)


def _strangers(claims: Claims, key: ECKey) -> str:
    return jwt.encode({"alg": "ES256", "kid": key.kid}, claims, _STRANGER)


def _shared_secret(claims: Claims, key: ECKey) -> str:
    return jwt.encode({"alg": "HS256", "kid": key.kid}, claims, OctKey.import_key("s/ecret:1" * 4))


HOSTILE: dict[str, Lie] = {
    "alg none": _unsigned,
    "HS256 with the public key": _signature_of_public_key,
    "HS256 with the client's secret": _shared_secret,
    "tampered": _tampered,
    "no signature": _without_signature,
    "another key": _strangers,
    "another kid": _other_kid,
    "brings a key along": _brings_its_key,
    "another issuer": _with(iss="https://evil.example"),
    "several issuers": lambda claims, key: _with(iss=[claims["iss"], "https://evil.example"])(claims, key),
    "no issuer": _with(iss=None),
    "another audience": _with(aud="another-client"),
    "no audience": _with(aud=None),
    "several audiences without azp": _with(aud=["homeport", "another-client"]),
    "made for another client": _with(aud=["homeport", "another-client"], azp="another-client"),
    "azp of another client": _with(azp="another-client"),
    "expired": _shifted(iat=-1000, exp=-61),
    "never expires": _with(exp=None),
    "expires in words": _with(exp="tomorrow"),
    "of the future": _shifted(iat=3600, exp=7200),
    "not yet": _shifted(nbf=3600),
    "of no moment": _with(iat=None),
    "nonce of another sign-in": _with(nonce="replayed"),
    "no nonce": _with(nonce=None),
    "nonce that is no text": _with(nonce=["n"]),
    "names nobody": _with(sub=None),
    "names a number": _with(sub=7),
    "empty name": _with(sub=""),
    "not a JWT": lambda claims, key: "no.jwt.at-all",
    "two parts": lambda claims, key: _signed(claims, key).rpartition(".")[0],
    "a list": lambda claims, key: f"{_part(['ES256'])}.{_part([1])}.{_part(b'x')}",
    "critical extension": lambda claims, key: (
        f"{_part({'alg': 'ES256', 'kid': key.kid, 'crit': ['x'], 'x': 1})}.{_part(claims)}.AA"
    ),
    "very long": lambda claims, key: _signed({**claims, "x": "y" * 70_000}, key),
}

"""What an ID token must be before a word of it is believed (OpenID Connect Core 1.0, 3.1.3.7)."""

import base64
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey
from joserfc.jwt import JWTClaimsRegistry

from controlplane.auth.oidc.settings import sign_in_refused

Jwk = Mapping[str, Any]

# With a shared secret, or none, whoever knows a public key or nothing at all could sign.
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "Ed25519")
_KEYS: dict[str, type[RSAKey] | type[ECKey] | type[OKPKey]] = {"RSA": RSAKey, "EC": ECKey, "OKP": OKPKey}
# How far the provider's clock may be off.
_LEEWAY_SECONDS = 60
_LONGEST = 64 * 1024


@dataclass(frozen=True, slots=True)
class Expected:
    issuer: str
    client_id: str
    nonce: str


class UnknownKey(Exception):
    """It is signed with a key that is not among those that are known: the provider may have a new one."""


def verified_claims(id_token: str, keys: Sequence[Jwk], expected: Expected, now: float) -> dict[str, Any]:
    """The claims of a token that is genuine, for us, of this sign-in and of now (unix seconds).

    Raises UnknownKey, and UNAUTHENTICATED for whatever else is wrong.
    """
    if len(id_token) > _LONGEST:
        raise _wrong("it is too long")
    key = _key_of(_header_of(id_token), keys)
    try:
        claims = jwt.decode(id_token, key, algorithms=list(ALGORITHMS)).claims
        _registry(expected, now).validate(claims)
    except (JoseError, ValueError, TypeError) as error:
        raise _wrong(str(error)) from None
    _check_parties(claims, expected)
    nonce = claims.get("nonce")
    if not isinstance(nonce, str) or not hmac.compare_digest(nonce.encode(), expected.nonce.encode()):
        raise _wrong("it belongs to another sign-in (nonce)")
    if not isinstance(claims.get("sub"), str) or not claims["sub"]:
        raise _wrong("it names nobody (sub)")
    return claims


def _registry(expected: Expected, now: float) -> JWTClaimsRegistry:
    return JWTClaimsRegistry(
        now=int(now),
        leeway=_LEEWAY_SECONDS,
        iss={"essential": True, "value": expected.issuer},
        aud={"essential": True, "value": expected.client_id},
        exp={"essential": True},
        iat={"essential": True},
    )


def _check_parties(claims: Mapping[str, Any], expected: Expected) -> None:
    """`iss` once more, since a list that holds ours is not ours; one that is also for others must be meant for us."""
    if claims["iss"] != expected.issuer:
        raise _wrong("it is of another issuer (iss)")
    audiences = claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]]
    if len(audiences) > 1 and "azp" not in claims:
        raise _wrong("it is for several audiences and does not say for whom it was made (azp)")
    if claims.get("azp", expected.client_id) != expected.client_id:
        raise _wrong("it was made for another client (azp)")


def _header_of(id_token: str) -> dict[str, Any]:
    """Unverified: it only says which key is to be tried."""
    part = id_token.partition(".")[0]
    try:
        header = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (ValueError, RecursionError):
        raise _wrong("it is not a JWT") from None
    if not isinstance(header, dict) or header.get("alg") not in ALGORITHMS:
        raise _wrong("its algorithm is not one of those that are accepted (alg)")
    return header


def _key_of(header: Mapping[str, Any], keys: Sequence[Jwk]) -> RSAKey | ECKey | OKPKey:
    """Always one of the provider's own; never one that the token brings along."""
    fitting = [each for each in keys if each.get("kty") in _KEYS and each.get("use", "sig") == "sig"]
    kid = header.get("kid")
    found = [each for each in fitting if kid is None or each.get("kid") == kid]
    if kid is None and len(found) > 1:
        raise _wrong("it does not say with which key it is signed (kid)")
    if not found:
        raise UnknownKey
    try:
        return _KEYS[found[0]["kty"]].import_key(dict(found[0]))
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise _wrong(f"the provider's key is of no use: {error}") from None


def _wrong(why: str) -> Exception:
    return sign_in_refused(f"the provider's ID token is not accepted: {why}")

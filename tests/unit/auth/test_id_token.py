import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OKPKey, RSAKey

from controlplane.auth.oidc.id_token import Expected, Jwk, UnknownKey, verified_claims
from homeport.core.errors import ErrorCode, HomeportError
from tests.fakes.hostile_id_tokens import HOSTILE

NOW = 1_700_000_000.0
ISSUER = "https://id.example"
EXPECTED = Expected(ISSUER, "homeport", "n-1")
CLAIMS = {"iss": ISSUER, "aud": "homeport", "iat": int(NOW), "exp": int(NOW) + 300, "nonce": "n-1", "sub": "1234"}
KEY = ECKey.generate_key("P-256", parameters={"kid": "k1", "use": "sig"})
KEYS: list[Jwk] = [KEY.as_dict(private=False)]


@pytest.mark.parametrize("what", HOSTILE)
def test_what_is_not_right_in_every_respect_signs_nobody_in(what: str) -> None:
    assert verified_claims(jwt.encode({"alg": "ES256", "kid": "k1"}, dict(CLAIMS), KEY), KEYS, EXPECTED, NOW)
    with pytest.raises((HomeportError, UnknownKey)) as raised:
        verified_claims(HOSTILE[what](dict(CLAIMS), KEY), KEYS, EXPECTED, NOW)
    if isinstance(raised.value, HomeportError):
        assert raised.value.code is ErrorCode.UNAUTHENTICATED
        assert raised.value.hint
    else:
        assert what == "another kid"


@pytest.mark.parametrize(
    ("alg", "key"),
    [
        ("RS256", RSAKey.generate_key(2048)),
        ("PS256", RSAKey.generate_key(2048)),
        ("ES384", ECKey.generate_key("P-384")),
        ("Ed25519", OKPKey.generate_key("Ed25519")),
    ],
)
def test_asymmetric_algorithms_are_understood(alg: str, key: RSAKey | ECKey | OKPKey) -> None:
    token = jwt.encode({"alg": alg}, dict(CLAIMS), key, algorithms=[alg])
    assert verified_claims(token, [key.as_dict(private=False)], EXPECTED, NOW)["sub"] == "1234"


@pytest.mark.parametrize(
    ("changed", "later"),
    [
        ({}, 359),
        ({"aud": ["homeport"]}, 0),
        ({"aud": ["homeport", "b"], "azp": "homeport"}, 0),
        ({"azp": "homeport"}, 0),
    ],
)
def test_what_is_right_in_another_form_is_right(changed: dict[str, object], later: float) -> None:
    """A clock that runs a minute behind is no reason to refuse."""
    token = jwt.encode({"alg": "ES256", "kid": "k1"}, {**CLAIMS, **changed}, KEY)
    assert verified_claims(token, KEYS, EXPECTED, NOW + later)


def test_a_token_without_kid_needs_a_provider_with_one_key() -> None:
    token = jwt.encode({"alg": "ES256"}, dict(CLAIMS), KEY)
    other = ECKey.generate_key("P-256", parameters={"kid": "k2"}).as_dict(private=False)
    assert verified_claims(token, KEYS, EXPECTED, NOW)
    with pytest.raises(HomeportError, match="kid"):
        verified_claims(token, [*KEYS, other], EXPECTED, NOW)


def test_keys_for_encryption_and_shared_secrets_of_a_provider_are_no_keys() -> None:
    token = jwt.encode({"alg": "ES256", "kid": "k1"}, dict(CLAIMS), KEY)
    for key in ({**KEYS[0], "use": "enc"}, {"kty": "oct", "kid": "k1", "k": "c2VjcmV0"}):
        with pytest.raises(UnknownKey):
            verified_claims(token, [key], EXPECTED, NOW)
    with pytest.raises(HomeportError, match="of no use"):
        verified_claims(token, [{"kty": "EC", "kid": "k1"}], EXPECTED, NOW)

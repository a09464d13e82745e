"""Values of the Authorization header that must open nothing, made from tokens that do or did."""

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Taken:
    """What an attacker got hold of. `good` and `other` are valid, of two people; `over` were once, by why they are not
    any more; `join` lets a host in."""

    good: str
    other: str
    over: Mapping[str, str]
    join: str


def hostile(taken: Taken) -> Mapping[str, str]:
    """By what is wrong; all values differ."""
    found: dict[str, str] = {}
    for what, value in [*_schemes(taken), *_wholes(taken), *_parts(taken), *_letters(taken), *_algorithms(taken)]:
        if value not in found.values():
            found[what] = value
    return found


def _schemes(taken: Taken) -> Iterator[tuple[str, str]]:
    good = taken.good
    for scheme in ("Basic", "Digest", "Token", "JWT", "Negotiate", "hp1", "Bearerr", "Keys", "Bearer:", "Bearer,"):
        yield f"scheme {scheme}", f"{scheme} {good}"
    yield "no scheme", good
    yield "the scheme twice", f"Bearer Bearer {good}"
    yield "in a list", f"Basic eA==, Bearer {good}"
    yield "in quotes", f'Bearer "{good}"'
    yield "as a parameter", f"Bearer token={good}"
    yield "two of them", f"Bearer {taken.good} {taken.other}"
    yield "two with a comma", f"Bearer {taken.good},{taken.other}"
    encoded = base64.b64encode(f"admin:{good}".encode()).decode()
    yield "as a password", f"Basic {encoded}"


def _wholes(taken: Taken) -> Iterator[tuple[str, str]]:
    for why, text in taken.over.items():
        yield why, f"Bearer {text}"
        yield f"{why}, as a key", f"Key {text}"
    yield "a join token", f"Bearer {taken.join}"
    yield "a join token without its pin", f"Bearer {taken.join.rpartition('.')[0]}"
    for word in ("null", "undefined", "None", "true", "0", "*", "admin", "hp1", "hp1.", "hp1..", "...", "%s", "{}"):
        yield f"the word {word}", f"Bearer {word}"
    yield "very long", f"Bearer {taken.good}{'A' * 4000}"
    yield "very many parts", f"Bearer hp1{'.a' * 2000}"


def _parts(taken: Taken) -> Iterator[tuple[str, str]]:
    _, id, secret = taken.good.split(".")
    _, other_id, other_secret = taken.other.split(".")
    hashed = hashlib.sha256(secret.encode()).hexdigest()
    yield "its secret under the id of another", f"Bearer hp1.{other_id}.{secret}"
    yield "the other's secret under its id", f"Bearer hp1.{id}.{other_secret}"
    yield "both secrets", f"Bearer hp1.{id}.{secret}{other_secret}"
    yield "both secrets as parts", f"Bearer hp1.{id}.{secret}.{other_secret}"
    yield "both ids", f"Bearer hp1.{id},{other_id}.{secret}"
    yield "what the database holds", f"Bearer hp1.{id}.{hashed}"
    yield "what the database holds, in capitals", f"Bearer hp1.{id}.{hashed.upper()}"
    yield "no id", f"Bearer hp1..{secret}"
    yield "no secret", f"Bearer hp1.{id}."
    yield "turned round", f"Bearer hp1.{secret}.{id}"
    for prefix in ("", "hp", "hp0", "hp2", "HP1", "hp1 ", "hp1.hp1", "sk", "hp10", "hp１"):
        yield f"prefix {prefix!r}", f"Bearer {prefix}.{id}.{secret}"
    for wild in ("*", "%", "_", "' OR '1'='1", "../" + id, id + "/..", id.upper(), id + "%00", f"{id}\\", f"[{id}]"):
        yield f"id {wild!r}", f"Bearer hp1.{wild}.{secret}"
    for dot in ("\u2024", "\uff0e", "\u3002", ":", "/", "%2e", "-", "_", ",", ";", "\\."):
        yield f"dot {dot!r}", f"Bearer {taken.good.replace('.', dot)}"


def _letters(taken: Taken) -> Iterator[tuple[str, str]]:
    _, id, secret = taken.good.split(".")
    for at, letter in enumerate(secret):
        before, behind = f"Bearer hp1.{id}.{secret[:at]}", secret[at + 1 :]
        yield f"cut at {at}", before
        yield f"another letter at {at}", before + ("A" if letter != "A" else "B") + behind
        yield f"one left out at {at}", before + behind
        yield f"one more at {at}", f"{before}{letter}{letter}{behind}"
        yield f"a letter of another script at {at}", before + chr(ord(letter) + 0xFEE0) + behind
        if letter.isalpha():
            yield f"the other case at {at}", before + letter.swapcase() + behind
        yield f"a dot at {at}", f"{before}.{letter}{behind}"
        yield f"a space at {at}", f"{before} {behind}"
        yield f"one that is hidden at {at}", f"{before}\u200b{letter}{behind}"
        if behind:
            yield f"from behind at {at}", f"Bearer hp1.{id}.{behind}{secret[: at + 1]}"
    for at, letter in enumerate(id):
        yield (
            f"another letter of the id at {at}",
            f"Bearer hp1.{id[:at]}{'0' if letter != '0' else '1'}{id[at + 1 :]}.{secret}",
        )
    yield "the other case", f"Bearer hp1.{id}.{secret.swapcase()}"
    yield "from behind", f"Bearer {taken.good[::-1]}"


def _algorithms(taken: Taken) -> Iterator[tuple[str, str]]:
    """Tokens that say themselves how they are to be checked."""
    _, id, secret = taken.good.split(".")
    claims = {"sub": "user/admin", "jti": id, "role": "admin", "exp": 1 << 40}
    for algorithm in ("none", "None", "NONE", "HS256", "RS256", "ES256", ""):
        for signature in ("", secret, _b64(b"signature")):
            yield (
                f"JWT {algorithm!r} signed {signature[:4]!r}",
                f"Bearer {_b64(json.dumps({'alg': algorithm, 'typ': 'JWT'}).encode())}."
                f"{_b64(json.dumps(claims).encode())}.{signature}",
            )
    yield "base64", f"Bearer {_b64(taken.good.encode())}"
    yield "its parts in base64", f"Bearer {'.'.join(_b64(part.encode()) for part in taken.good.split('.'))}"


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")

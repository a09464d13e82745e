"""A sign-in under way, the code for a command line, and which user somebody is."""

from dataclasses import replace

import pytest

from controlplane.auth.admin_token import create_admin_token
from controlplane.auth.oidc.attempt import (
    ATTEMPT_SECONDS,
    begin,
    challenge_of,
    is_challenge,
    own_path,
    sealed,
    unsealed,
)
from controlplane.auth.oidc.identity import Person, person_of, sign_in_person
from controlplane.auth.oidc.paste_codes import CODE_SECONDS, PasteCodes
from controlplane.auth.oidc.settings import OidcSettings, is_trustworthy
from controlplane.auth.token_facts import TokenDirectory
from controlplane.fleet.access import accept_role_binding, accept_team, accept_user
from controlplane.fleet.kinds import USER
from controlplane.store.memory import MemoryStore
from controlplane.store.store import Kind, Transaction
from homeport.core.errors import ErrorCode, HomeportError
from homeport.schema.access import OidcIdentity, RoleBindingSpec, TeamSpec, UserSpec

KEY, OTHER_KEY = b"k" * 32, b"o" * 32
ISSUER = "https://id.example"
SETTINGS = OidcSettings(ISSUER, "homeport", "secret", "https://homeport.example/callback")
ANNA = Person(ISSUER, "1234", "anna", "Anna Berg", "anna@example.com", ("ml",))


def test_an_attempt_comes_back_to_the_browser_that_began_it() -> None:
    attempt = begin("/console", "", 100.0)
    text = sealed(attempt, KEY)
    assert unsealed(text, KEY, attempt.state, 101.0) == attempt
    assert unsealed(text, KEY, attempt.state, 100.0 + ATTEMPT_SECONDS) is None
    assert unsealed(text, KEY, begin("", "", 100.0).state, 101.0) is None
    assert unsealed(text, KEY, "", 101.0) is None
    assert unsealed(text, OTHER_KEY, attempt.state, 101.0) is None
    forged = sealed(replace(attempt, then="//evil.example"), OTHER_KEY).partition(".")[0]
    assert unsealed(f"{forged}.{text.partition('.')[2]}", KEY, attempt.state, 101.0) is None
    for wrong in ("", ".", "x.y", "\u00e9.\u00e9", text[:-1]):
        assert unsealed(wrong, KEY, attempt.state, 101.0) is None


@pytest.mark.parametrize("path", ["/", "/console?x=1#y", "/a//b", "/%2F%2Fevil.example"])
def test_a_path_of_ours_is_where_one_may_be_sent(path: str) -> None:
    assert own_path(path) == path


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "console",
            "//evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "https://evil.example",
            "javascript:x",
        ),
        *("/\t/evil.example", "/\n/evil.example", " //evil.example", "/ /x", "http:/x", "/x\r\nSet-Cookie: a=b"),
        "/\u00e9",
    ],
)
def test_nobody_is_sent_elsewhere(text: str) -> None:
    assert own_path(text) == ""


def test_the_challenge_is_that_of_rfc_7636() -> None:
    challenge = challenge_of("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")
    assert challenge == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
    assert is_challenge(challenge)
    assert not is_challenge(challenge[:-1])
    assert not is_challenge(challenge + "\n")


@pytest.mark.parametrize(
    ("verifier", "later", "whose"),
    [("v" * 43, 1, "anna"), ("w" * 43, 1, None), ("v" * 43, CODE_SECONDS - 1, "anna"), ("v" * 43, CODE_SECONDS, None)],
)
def test_a_code_is_for_the_program_that_began_and_good_once(verifier: str, later: float, whose: str | None) -> None:
    codes = PasteCodes()
    code = codes.make("anna", challenge_of("v" * 43), 100.0)
    assert codes.redeem(code, verifier, 100.0 + later) == whose
    assert codes.redeem(code, "v" * 43, 101.0) is None
    assert codes.redeem("unheard-of", "v" * 43, 101.0) is None


@pytest.mark.parametrize(
    ("claim", "user_id"),
    [("anna", "anna"), ("Anna.Berg@example.com", "anna-berg"), ("@", ""), ("ünal", "nal"), (None, ""), (["x"], "")],
)
def test_what_a_new_user_is_called(claim: object, user_id: str) -> None:
    assert person_of({"sub": "1", "preferred_username": claim}, SETTINGS).user_id == user_id


@pytest.mark.parametrize(
    ("claim", "groups"),
    [(["b", "a", "b", 7, ""], ("a", "b")), ("one", ("one",)), (None, ()), ({"x": 1}, ()), ([None], ())],
)
def test_groups_are_a_list_of_names_whatever_is_sent(claim: object, groups: tuple[str, ...]) -> None:
    assert person_of({"sub": "1", "groups": claim}, SETTINGS).groups == groups


@pytest.mark.parametrize(
    ("url", "is_one"),
    [
        ("https://id.example", True),
        ("http://127.0.0.1:1", True),
        ("http://localhost", True),
        ("http://id.example", False),
        ("ftp://127.0.0.1", False),
        ("http://127.0.0.1.evil.example", False),
        ("", False),
    ],
)
def test_a_provider_is_believed_by_https_or_on_this_machine(url: str, is_one: bool) -> None:
    assert is_trustworthy(url) == is_one


@pytest.fixture
async def store() -> MemoryStore:
    """With a team `researchers` of the group ml, with ben in it by hand, that is deployer."""
    store = MemoryStore()
    await store.open()
    await store.write(create_admin_token)

    def change(tx: Transaction) -> None:
        accept_user(tx, UserSpec(id="ben"))
        accept_team(tx, TeamSpec(id="researchers", members=["ben"], oidc_groups=["ml", "vision"]))
        accept_role_binding(tx, RoleBindingSpec(id="r", role="deployer", subject="team/researchers"))

    await store.write(change)
    return store


async def _sign_in(store: MemoryStore, person: Person = ANNA, new_users: bool = True) -> str:
    return await store.write(lambda tx: sign_in_person(tx, person, new_users))


async def _refused(store: MemoryStore, person: Person = ANNA, new_users: bool = True) -> HomeportError:
    before = store.seq
    with pytest.raises(HomeportError) as raised:
        await _sign_in(store, person, new_users)
    assert raised.value.code is ErrorCode.UNAUTHENTICATED
    assert store.seq == before
    return raised.value


async def test_the_first_sign_in_makes_a_user_and_the_next_finds_it_whatever_it_is_called_then(
    store: MemoryStore,
) -> None:
    assert await _sign_in(store) == "anna"
    record = store.get(Kind.USER, "anna")
    assert record
    assert (record.spec["name"], record.spec["oidc"]) == ("Anna Berg", {"issuer": ISSUER, "subject": "1234"})
    assert await _sign_in(store, replace(ANNA, user_id="anna-berg", name="Anna B.")) == "anna"


@pytest.mark.parametrize("user_id", ["admin", "ben"])
async def test_a_name_is_no_proof_of_being_a_user_that_is_there(store: MemoryStore, user_id: str) -> None:
    error = await _refused(store, replace(ANNA, user_id=user_id))
    assert ISSUER in error.hint
    assert "1234" in error.hint


async def test_an_administrator_can_say_who_somebody_is(store: MemoryStore) -> None:
    linked = UserSpec(id="ben", oidc=OidcIdentity(issuer=ISSUER, subject="1234"))
    await store.write(lambda tx: accept_user(tx, linked))
    assert await _sign_in(store, new_users=False) == "ben"
    await store.write(lambda tx: USER.accept(tx, UserSpec(id="ben", name="Ben, from a file")))
    assert await _sign_in(store, new_users=False) == "ben"
    with pytest.raises(HomeportError, match="user ben already"):
        await store.write(lambda tx: accept_user(tx, UserSpec(id="zoe", oidc=linked.oidc)))
    await store.write(lambda tx: USER.edit(tx, UserSpec(id="ben")))
    await _refused(store, new_users=False)


async def test_the_same_subject_at_another_provider_is_somebody_else(store: MemoryStore) -> None:
    await _sign_in(store)
    await _refused(store, replace(ANNA, issuer="https://other.example"))


async def test_who_is_unknown_disabled_or_without_a_name_is_not_let_in(store: MemoryStore) -> None:
    await _refused(store, new_users=False)
    await _refused(store, replace(ANNA, user_id=""))
    await _sign_in(store)
    spec = UserSpec(id="anna", disabled=True, oidc=OidcIdentity(issuer=ISSUER, subject="1234"))
    await store.write(lambda tx: accept_user(tx, spec))
    assert "disabled" in (await _refused(store)).message


async def test_groups_are_membership_until_the_next_sign_in_says_otherwise(store: MemoryStore) -> None:
    directory = TokenDirectory(store)
    held = [["deployer", "organisation"]]
    await _sign_in(store)
    assert [directory.roles_of(f"user/{id}") for id in ("anna", "ben")] == [held, held]
    await _sign_in(store, replace(ANNA, groups=("sales",)))
    assert [directory.roles_of(f"user/{id}") for id in ("anna", "ben")] == [[], held]
    await _sign_in(store, replace(ANNA, groups=("ml", "vision")))
    assert directory.roles_of("user/anna") == held
    team = store.get(Kind.TEAM, "researchers")
    assert team
    assert team.spec["members"] == ["ben"]


async def test_who_is_no_longer_linked_has_no_groups(store: MemoryStore) -> None:
    await _sign_in(store)
    await store.write(lambda tx: USER.edit(tx, UserSpec(id="anna")))
    assert TokenDirectory(store).roles_of("user/anna") == []

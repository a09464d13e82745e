"""Signing in at an OpenID provider, over the API, with a browser that keeps its cookies."""

from collections.abc import AsyncIterator
from urllib.parse import urlencode, urlsplit

import aiohttp
import pytest

from controlplane.api.callers import SESSION_COOKIE
from controlplane.auth.oidc.attempt import challenge_of
from controlplane.auth.oidc.settings import OidcSettings
from controlplane.store.store import Kind
from tests.fakes.clock import FakeClock
from tests.fakes.control_api import ControlApi
from tests.fakes.hostile_id_tokens import HOSTILE
from tests.fakes.oidc_provider import CLIENT_ID, CLIENT_SECRET, REDIRECT_URI, FakeOidcProvider

PAGE = {"Accept": "text/html"}
VERIFIER = "v" * 43


class Browser:
    """Goes where it is sent, with the cookies that it was given."""

    def __init__(self, api: ControlApi, provider: FakeOidcProvider) -> None:
        self.api = api
        self.provider = provider
        self.http = aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True))

    async def open(self, path: str, **headers: str) -> tuple[int, str, str]:
        """(status, where it is sent, text)."""
        url = f"{self.api.url}/api/v1{path}"
        async with self.http.get(url, allow_redirects=False, headers={**PAGE, **headers}) as response:
            return response.status, response.headers.get("Location", ""), await response.text()

    async def start(self, **query: str) -> str:
        """Where the provider sends it back to, below /api/v1."""
        status, address, text = await self.open(f"/auth/oidc/start?{urlencode(query)}")
        assert status == 303, text
        return self.back(address)

    def back(self, address: str) -> str:
        parts = urlsplit(self.provider.authorize(address))
        return f"{parts.path.removeprefix('/api/v1')}?{parts.query}"

    async def sign_in(self, **query: str) -> tuple[int, str, str]:
        return await self.open(await self.start(**query))

    async def who(self) -> str:
        async with self.http.get(f"{self.api.url}/api/v1/whoami") as response:
            return str((await response.json())["subject"]) if response.status == 200 else ""


@pytest.fixture
async def provider() -> AsyncIterator[FakeOidcProvider]:
    async with FakeOidcProvider(FakeClock(1_700_000_000.0)).running() as provider:
        yield provider


@pytest.fixture
async def api(provider: FakeOidcProvider) -> AsyncIterator[ControlApi]:
    settings = OidcSettings(provider.issuer, CLIENT_ID, CLIENT_SECRET, REDIRECT_URI)
    async with ControlApi(oidc=settings).running() as running:
        yield running


@pytest.fixture
async def browser(api: ControlApi, provider: FakeOidcProvider) -> AsyncIterator[Browser]:
    browser = Browser(api, provider)
    async with browser.http:
        yield browser


async def test_whoever_the_provider_knows_gets_a_session_and_the_roles_of_its_groups(browser: Browser) -> None:
    team = {"id": "researchers", "oidc_groups": ["ml"]}
    assert (await browser.api.call("POST", "/teams", team)).status == 201
    binding = {"id": "r", "role": "viewer", "subject": "team/researchers"}
    assert (await browser.api.call("POST", "/role-bindings", binding)).status == 201
    status, where, _ = await browser.sign_in(next="/console?x=1")
    assert (status, where) == (303, "/console?x=1")
    assert await browser.who() == "user/anna"
    status, _, _ = await browser.open("/projects")
    assert status == 200


async def test_without_a_place_to_go_there_is_a_page_that_runs_nothing(browser: Browser) -> None:
    status, _, text = await browser.sign_in(next="//evil.example")
    assert status == 200
    assert "Signed in as anna" in text
    assert "<script" not in text


@pytest.mark.parametrize("what", HOSTILE)
async def test_an_id_token_that_is_not_right_signs_nobody_in(browser: Browser, what: str) -> None:
    browser.provider.lie = HOSTILE[what]
    status, where, text = await browser.sign_in(next="/")
    assert (status, where) == (401, ""), text
    assert await browser.who() == ""
    assert browser.api.store.get(Kind.USER, "anna") is None
    assert [each.spec["name"] for each in browser.api.store.all(Kind.ACCESS_TOKEN)] == ["admin"]


async def test_a_sign_in_belongs_to_the_browser_that_began_it(browser: Browser) -> None:
    """Else somebody could sign others in as oneself: they would work in one's account."""
    back = await browser.start()
    stranger = Browser(browser.api, browser.provider)
    async with stranger.http:
        assert (await stranger.open(back))[0] == 401
        other = await stranger.start()
        code = back.partition("code=")[2].partition("&")[0]
        state = other.partition("state=")[2]
        # The state is its own, the code somebody else's: the provider holds PKCE against it.
        assert (await stranger.open(f"/auth/oidc/callback?code={code}&state={state}"))[0] == 401
        assert await stranger.who() == ""


async def test_a_sign_in_is_finished_once(browser: Browser) -> None:
    back = await browser.start()
    assert (await browser.open(back))[0] == 200
    assert (await browser.open(back))[0] == 401


@pytest.mark.parametrize("query", ["", "?code=x", "?state=x", "?code=x&state=x", "?error=access_denied&state=x"])
async def test_what_nobody_has_begun_is_refused(browser: Browser, query: str) -> None:
    status, _, text = await browser.open(f"/auth/oidc/callback{query}")
    assert status == 401
    assert "begin anew" in text


async def test_a_refusal_of_the_provider_is_told_and_runs_nothing(browser: Browser) -> None:
    back = await browser.start()
    state = back.partition("state=")[2]
    status, _, text = await browser.open(f"/auth/oidc/callback?error=<script>alert(1)</script>&state={state}")
    assert status == 401
    assert "&lt;script&gt;" in text
    assert "<script" not in text


async def test_new_keys_of_the_provider_are_found_and_invented_ones_do_not_make_it_busy(browser: Browser) -> None:
    await browser.sign_in()
    browser.provider.new_key()
    browser.api.clock.advance(11)
    assert (await browser.sign_in())[0] == 200
    asked = browser.provider.asked.count("/jwks")
    assert asked == 2
    browser.provider.lie = HOSTILE["another kid"]
    for _ in range(5):
        assert (await browser.sign_in())[0] == 401
    assert browser.provider.asked.count("/jwks") == asked
    assert browser.provider.asked.count("/.well-known/openid-configuration") == 1


async def test_groups_that_only_the_user_info_knows_are_found(browser: Browser) -> None:
    del browser.provider.claims["groups"]
    browser.provider.userinfo = {"groups": ["ml"], "sub": "1234"}
    assert (await browser.sign_in())[0] == 200
    user = browser.api.store.get(Kind.USER, "anna")
    assert user
    assert user.status["groups"] == ["ml"]
    browser.provider.userinfo = {"groups": ["ml"], "sub": "somebody else"}
    status, _, text = await browser.sign_in()
    assert status == 401
    assert "different people" in text


async def test_a_provider_that_is_away_is_told_of_and_passwords_go_on(browser: Browser) -> None:
    browser.provider.is_broken = True
    status, _, text = await browser.open("/auth/oidc/start")
    assert status == 503
    assert "password" in text
    json = await browser.api.call("GET", "/auth/oidc/start", headers={"Authorization": None})
    assert json.error["code"] == "unavailable"
    await browser.api.call("POST", "/users", {"id": "ben"})
    await browser.api.call("POST", "/users/ben/password", {"password": "correct horse battery"})
    body = {"user": "ben", "password": "correct horse battery"}
    assert (await browser.api.call("POST", "/auth/login", body)).status == 200
    asked = len(browser.provider.asked)
    for _ in range(5):
        assert (await browser.open("/auth/oidc/start"))[0] == 503
    assert len(browser.provider.asked) == asked
    browser.provider.is_broken = False
    browser.api.clock.advance(6)
    assert (await browser.sign_in())[0] == 200


async def test_a_provider_that_is_another_one_is_not_believed(browser: Browser) -> None:
    browser.provider.said_issuer = "https://evil.example"
    status, _, text = await browser.open("/auth/oidc/start")
    assert status == 503
    assert "--oidc-issuer" in text


async def test_a_command_line_gets_its_session_for_the_code_that_the_browser_shows(browser: Browser) -> None:
    status, _, text = await browser.sign_in(cli_challenge=challenge_of(VERIFIER), next="/console")
    assert status == 200
    assert await browser.who() == ""
    code = text.partition("<code>")[2].partition("</code>")[0]
    wrong = {"code": code, "verifier": "w" * 43}
    assert (await browser.api.call("POST", "/auth/oidc/exchange", wrong)).status == 401
    _, _, text = await browser.sign_in(cli_challenge=challenge_of(VERIFIER))
    body = {"code": text.partition("<code>")[2].partition("</code>")[0], "verifier": VERIFIER}
    answered = await browser.api.call("POST", "/auth/oidc/exchange", body)
    assert answered.status == 200
    who = (await browser.api.call_as(answered.body["token"], "GET", "/whoami")).body
    assert (who["subject"], who["session"]) == ("user/anna", "cli")
    assert (await browser.api.call("POST", "/auth/oidc/exchange", body)).status == 401


async def test_codes_are_not_guessed(api: ControlApi) -> None:
    body = {"code": "guess", "verifier": VERIFIER}
    answers = [await api.call("POST", "/auth/oidc/exchange", body) for _ in range(12)]
    assert [each.status for each in answers] == [401] * 10 + [429] * 2


async def test_the_audit_log_says_who_came_how_and_who_did_not(browser: Browser) -> None:
    await browser.sign_in()
    browser.provider.lie = HOSTILE["expired"]
    await browser.sign_in()
    entries = (await browser.api.call("GET", "/audit?action=sign-in")).body["items"]
    said = [(each["actor"], each["result"], (each["after"] or {}).get("how")) for each in entries]
    assert said == [("", "denied", None), ("user/anna", "done", "sso")]
    made = (await browser.api.call("GET", "/audit?kind=user&action=create&object_id=anna")).body["items"]
    assert [each["actor"] for each in made] == ["oidc/1234"]


async def test_the_cookies_of_a_sign_in_are_out_of_reach_of_scripts(browser: Browser) -> None:
    url = f"{browser.api.url}/api/v1"
    async with browser.http.get(f"{url}/auth/oidc/start", allow_redirects=False) as response:
        cookie = response.headers["Set-Cookie"]
        back = browser.back(response.headers["Location"])
    assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= set(cookie.split("; "))
    async with browser.http.get(f"{url}{back}", allow_redirects=False) as response:
        cookies = response.headers.getall("Set-Cookie")
        assert response.headers["Referrer-Policy"] == "no-referrer"
    assert any(each.startswith(f"{SESSION_COOKIE}=hp1.") and "HttpOnly" in each for each in cookies)
    assert any(each.startswith("homeport-sign-in=") and "Max-Age=0" in each for each in cookies)


async def test_a_server_without_a_provider_says_so() -> None:
    async with ControlApi().running() as api:
        for path in ("/auth/oidc/start", "/auth/oidc/callback"):
            answered = await api.call("GET", path)
            assert (answered.status, "password" in answered.error["hint"]) == (404, True)

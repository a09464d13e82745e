"""Signing in at a real server: by password, and at a real OpenID provider, on the command line and in a browser."""

import base64
import http.cookiejar
import json
import os
import re
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.ports import free_ports
from tests.system.conftest import BIN
from tests.system.site import Site

# Commands are started one after the other, each a Python of its own: slow where others are busy.
pytestmark = [pytest.mark.system, pytest.mark.timeout(600)]

PASSWORD = "correct horse battery"


class Person:
    """Somebody with a command line and a browser of their own."""

    def __init__(self, site: Site, folder: Path) -> None:
        self.site = site
        self.environ = {**os.environ, "XDG_CONFIG_HOME": str(folder)}
        for name in ("HOMEPORT_API", "HOMEPORT_TOKEN", "HOMEPORT_CONTEXT"):
            self.environ.pop(name, None)
        self.cookies = http.cookiejar.CookieJar()
        self.browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.cookies))

    def run(self, *arguments: str, stdin: str = "") -> "subprocess.CompletedProcess[str]":
        command = [str(BIN / "homeport"), *arguments]
        return subprocess.run(command, input=stdin, env=self.environ, capture_output=True, text=True, timeout=120)

    def who(self) -> str:
        ran = self.run("whoami", "-o", "json")
        return str(json.loads(ran.stdout)["subject"]) if ran.returncode == 0 else ran.stderr

    def sign_in_by_browser(self, address: str, sub: str) -> str:
        """Through the provider's form, and back: the last page's text."""
        with self.browser.open(address, timeout=60) as form:
            at = form.url
        answer = urllib.parse.urlencode({"sub": sub}).encode()
        with self.browser.open(urllib.request.Request(at, data=answer), timeout=60) as page:
            return str(page.read().decode())

    def sign_in_by_sso(self, sub: str) -> tuple[int, str]:
        """(exit code, what the command has said)."""
        with subprocess.Popen(
            [str(BIN / "homeport"), "login", "--sso"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=self.environ, text=True,
        ) as command:  # fmt: skip
            assert command.stdin
            assert command.stdout
            lines = iter(command.stdout.readline, "")
            address = next(line.strip() for line in lines if "/auth/oidc/start" in line)
            shown = re.search("<code>(.+)</code>", self.sign_in_by_browser(address, sub))
            assert shown
            command.stdin.write(f"{shown[1]}\n")
            command.stdin.close()
            said = command.stdout.read()
        return command.returncode, said

    def page(self, path: str, body: object = None, **headers: str) -> Any:
        """With the browser's cookies; the status of a refusal."""
        data = None if body is None else json.dumps(body).encode()
        url = f"{self.site.url(self.site.api_port)}/api/v1{path}"
        headers = {"Content-Type": "application/json", **headers}
        try:
            with self.browser.open(urllib.request.Request(url, data=data, headers=headers), timeout=60) as answer:
                return json.loads(answer.read() or "null")
        except urllib.error.HTTPError as error:
            return error.code


@contextmanager
def _provider(folder: Path) -> Iterator[str]:
    """Its issuer. A program of its own, which knows anna, and somebody who calls himself admin."""
    people = (
        {"sub": "1234", "preferred_username": "anna", "name": "Anna", "groups": ["ml"]},
        {"sub": "666", "preferred_username": "admin", "groups": []},
    )
    known = [part for each in people for part in ("--user-claims", json.dumps(each))]
    port = free_ports(1)[0]
    command = [sys.executable, "-m", "oidc_provider_mock", "--require-nonce", "True", "--port", str(port), *known]
    with open(folder / "provider.log", "w") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
        try:
            _until_it_answers(f"http://127.0.0.1:{port}/.well-known/openid-configuration")
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


def _until_it_answers(url: str) -> None:
    for _ in range(600):
        try:
            urllib.request.urlopen(url, timeout=60).close()
        except OSError:
            time.sleep(0.2)
        else:
            return
    raise AssertionError(f"no answer from {url}")


def _options(folder: Path, issuer: str) -> list[str]:
    (folder / "client-secret").write_text("client-secret-planted")
    secret = str(folder / "client-secret")
    return ["--oidc-issuer", issuer, "--oidc-client-id", "homeport", "--oidc-client-secret-file", secret]


def test_a_person_signs_in_by_password_on_the_command_line_and_out_again(tmp_path: Path) -> None:
    with Site(tmp_path) as site:
        site.start_server()
        site.api("POST", "/users", {"id": "anna"})
        site.api("POST", "/role-bindings", {"id": "annas", "role": "viewer", "subject": "user/anna"})
        admin, anna = Person(site, tmp_path / "admin"), Person(site, tmp_path / "anna")
        api = site.url(site.api_port)
        assert admin.run("login", "--token", "--api", api, stdin=site.token).returncode == 0
        assert admin.run("user", "set-password", "anna", stdin=f"{PASSWORD}\n").returncode == 0
        assert anna.run("login", "--api", api, "-u", "anna", stdin="wrong password\n").returncode == 1
        ran = anna.run("login", "--api", api, "-u", "anna", stdin=f"{PASSWORD}\n")
        assert ran.returncode == 0, ran.stderr
        assert anna.who() == "user/anna"
        config = tmp_path / "anna" / "homeport" / "config.yaml"
        assert config.stat().st_mode & 0o777 == 0o600
        session = re.search(r"hp1\.\S+", config.read_text())
        assert session
        site.kill(site.server)
        site.start_server()
        assert anna.who() == "user/anna"
        assert anna.run("logout").returncode == 0
        assert "hp1." not in config.read_text()
        request = urllib.request.Request(f"{api}/api/v1/whoami", headers={"Authorization": f"Bearer {session[0]}"})
        with pytest.raises(urllib.error.HTTPError, match="401"):
            urllib.request.urlopen(request, timeout=60)
        kept = b"".join(file.read_bytes() for file in site.data_dir.glob("homeport.db*"))
        log = (tmp_path / "server.log").read_bytes()
    for secret in (PASSWORD.encode(), base64.b64encode(PASSWORD.encode()), session[0].split(".")[2].encode()):
        assert secret not in kept
        assert secret not in log
    assert b"$argon2id$" in kept
    assert b"argon2id" not in log


def test_a_person_signs_in_at_the_openid_provider_and_gets_the_roles_of_a_group(tmp_path: Path) -> None:
    with _provider(tmp_path) as issuer, Site(tmp_path, *_options(tmp_path, issuer)) as site:
        site.start_server()
        site.api("POST", "/teams", {"id": "research", "oidc_groups": ["ml"]})
        site.api("POST", "/role-bindings", {"id": "r", "role": "deployer", "subject": "team/research"})
        anna, mallory = Person(site, tmp_path / "anna"), Person(site, tmp_path / "mallory")
        api = site.url(site.api_port)
        for person in (anna, mallory):
            (Path(person.environ["XDG_CONFIG_HOME"]) / "homeport").mkdir(parents=True)
            context = {"current_context": "x", "contexts": {"x": {"api": api, "gateway": api, "token": ""}}}
            (Path(person.environ["XDG_CONFIG_HOME"]) / "homeport" / "config.yaml").write_text(json.dumps(context))

        code, said = anna.sign_in_by_sso("1234")
        assert code == 0, said
        assert anna.who() == "user/anna"
        assert anna.run("model", "list").returncode == 0

        text = anna.sign_in_by_browser(f"{api}/api/v1/auth/oidc/start", "1234")
        assert "Signed in as anna" in text
        who = anna.page("/whoami")
        assert (who["subject"], who["session"]) == ("user/anna", "browser")
        assert anna.page("/models", {"id": "forged"}) == 403
        made = anna.page("/models", {"id": "made"}, **{"X-CSRF-Token": who["csrf_token"]})
        assert made["id"] == "made"

        with pytest.raises(urllib.error.HTTPError, match="401") as refused:
            mallory.sign_in_by_browser(f"{api}/api/v1/auth/oidc/start", "666")
        refused.value.close()
        assert mallory.page("/whoami") == 401
        log = (tmp_path / "server.log").read_text()
    assert "client-secret-planted" not in log


def test_a_server_starts_and_lets_people_in_while_the_provider_is_away(tmp_path: Path) -> None:
    with Site(tmp_path, *_options(tmp_path, "http://localhost:9")) as site:
        site.start_server()
        site.api("POST", "/users", {"id": "anna"})
        site.api("POST", "/users/anna/password", {"password": PASSWORD})
        anna = Person(site, tmp_path / "anna")
        api = site.url(site.api_port)
        with pytest.raises(urllib.error.HTTPError, match="503") as away:
            anna.browser.open(f"{api}/api/v1/auth/oidc/start", timeout=60)
        assert json.loads(away.value.read())["error"]["code"] == "unavailable"
        assert anna.run("login", "--api", api, "-u", "anna", stdin=f"{PASSWORD}\n").returncode == 0
        assert anna.who() == "user/anna"

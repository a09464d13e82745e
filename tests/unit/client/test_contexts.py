import stat
from pathlib import Path

import pytest

from homeport.client.contexts import DEFAULT_API, Context, ContextFile, config_path, resolve_context
from homeport.core.errors import ErrorCode, HomeportError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "homeport" / "config.yaml"
    file = ContextFile(path)
    file.put(Context("dev", "http://dev:1", "http://dev:2", "dev-token"), make_current=True)
    file.put(Context("prod", "http://prod:1", "http://prod:2", "prod-token"))
    file.save()
    return path


@pytest.mark.parametrize(
    ("label", "name", "environ", "expected"),
    [
        ("the current one", None, {}, ("dev", "http://dev:1", "dev-token")),
        ("named by the caller", "prod", {}, ("prod", "http://prod:1", "prod-token")),
        ("named by the environment", None, {"HOMEPORT_CONTEXT": "prod"}, ("prod", "http://prod:1", "prod-token")),
        ("one value from the environment", None, {"HOMEPORT_TOKEN": "t"}, ("dev", "http://dev:1", "t")),
        ("slashes at the end", None, {"HOMEPORT_API": "http://x/"}, ("dev", "http://x", "dev-token")),
        ("the caller beats the environment", "prod", {"HOMEPORT_TOKEN": "t"}, ("prod", "http://prod:1", "prod-token")),
        ("empty is unset", None, {"HOMEPORT_CONTEXT": "", "HOMEPORT_API": ""}, ("dev", "http://dev:1", "dev-token")),
    ],
)  # fmt: skip
def test_which_context(
    path: Path, label: str, name: str | None, environ: dict[str, str], expected: tuple[str, str, str]
) -> None:
    context = resolve_context(name, path=path, environ=environ)
    assert (context.name, context.api, context.token) == expected, label


def test_the_environment_is_enough(tmp_path: Path) -> None:
    context = resolve_context(
        path=tmp_path / "none.yaml", environ={"HOMEPORT_TOKEN": "t", "HOMEPORT_GATEWAY": "http://g"}
    )
    assert (context.api, context.gateway, context.token) == (DEFAULT_API, "http://g", "t")


def test_without_a_token_the_error_says_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(HomeportError, match="homeport dev") as caught:
        resolve_context(path=tmp_path / "none.yaml", environ={})
    assert caught.value.code is ErrorCode.UNAUTHENTICATED


def test_an_unknown_context_gets_near_matches(path: Path) -> None:
    with pytest.raises(HomeportError, match="did you mean prod"):
        resolve_context("prd", path=path, environ={})


def test_the_file_is_its_owners_alone_even_when_it_was_not(path: Path) -> None:
    path.chmod(0o644)
    ContextFile.load(path).save()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [file.name for file in path.parent.iterdir()] == ["config.yaml"]


def test_what_is_saved_is_loaded(path: Path) -> None:
    loaded = ContextFile.load(path)
    assert loaded.current == "dev"
    assert list(loaded.contexts) == ["dev", "prod"]
    assert loaded.contexts["prod"] == Context("prod", "http://prod:1", "http://prod:2", "prod-token")


@pytest.mark.parametrize("text", ["contexts: [", "contexts: {dev: {apii: x}}", "- a list", "contexts: 7"])
def test_a_broken_file_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(text)
    with pytest.raises(HomeportError, match=r"config\.yaml is broken") as caught:
        ContextFile.load(path)
    assert caught.value.code is ErrorCode.INVALID_ARGUMENT


def test_the_token_is_not_shown() -> None:
    assert "secret" not in repr(Context("dev", token="secret"))


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"HOME": "/home/ada"}, "/home/ada/.config/homeport/config.yaml"),
        ({"HOME": "/home/ada", "XDG_CONFIG_HOME": "/cfg"}, "/cfg/homeport/config.yaml"),
    ],
)
def test_where_the_file_is(environ: dict[str, str], expected: str) -> None:
    assert config_path(environ) == Path(expected)

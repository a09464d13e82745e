import json

import pytest

from homeport.core import canonical
from homeport.core.errors import ErrorCode, HomeportError
from homeport.core.policy import Policy
from homeport.gateway.retry import may_run_twice
from homeport.gateway.routing.direction import direction_of
from homeport.gateway.routing.model_field import read_model, with_model
from homeport.gateway.routing.routes import PolicyTable, RevisionRoute, RoutePolicy
from homeport.http1.head import RequestHead


def table(*policies: RoutePolicy) -> PolicyTable:
    found = PolicyTable()
    for policy in policies:
        found.put(policy)
    return found


def head(method: str, target: str) -> RequestHead:
    path = target.partition("?")[0].encode()
    return RequestHead(method.encode(), target.encode(), path, [], b"a", True, False, False)


@pytest.mark.parametrize(
    ("method", "target", "header", "expected"),
    [
        ("POST", "/v1/chat/completions", None, ("body", "", "/v1/chat/completions")),
        ("POST", "/v1/rerank?x=1", None, ("body", "", "/v1/rerank?x=1")),
        ("GET", "/v1/models", None, ("models", "", "/v1/models")),
        ("GET", "/v1/models/tiny", None, ("models", "tiny", "/v1/models/tiny")),
        ("GET", "/d/chat/v2/health/ready", None, ("deployment", "chat", "/v2/health/ready")),
        ("PUT", "/d/chat/a?b=/d/x", None, ("deployment", "chat", "/a?b=/d/x")),
        ("GET", "/d/chat", None, ("deployment", "chat", "/")),
        ("GET", "/d/chat?x=1", None, ("deployment", "chat", "/?x=1")),
        ("GET", "/anything", b"chat", ("deployment", "chat", "/anything")),
        ("GET", "/v1/models", b"chat", ("deployment", "chat", "/v1/models")),
        ("GET", "/healthz", None, ("health", "", "/healthz")),
        ("GET", "/v1/files/f-1", None, ("default", "", "/v1/files/f-1")),
        ("DELETE", "/v1/files/f-1", None, ("default", "", "/v1/files/f-1")),
        ("GET", "/v1/realtime?x=1&model=org%2Ftiny", None, ("model", "org/tiny", "/v1/realtime?x=1&model=org%2Ftiny")),
        ("GET", "/v1/realtime?submodel=tiny", None, ("default", "", "/v1/realtime?submodel=tiny")),
        ("POST", "/v1/images?model=tiny", None, ("body", "tiny", "/v1/images?model=tiny")),
        ("GET", "/v2", None, ("server", "", "/v2")),
        ("GET", "/v2/health/live", None, ("health", "", "/v2/health/live")),
        ("GET", "/v2/models/tiny", None, ("model", "tiny", "/v2/models/tiny")),
        ("POST", "/v2/models/a%20b/versions/1/infer", None, ("model", "a b", "/v2/models/a%20b/versions/1/infer")),
        ("POST", "/v2/repository/index", None, ("index", "", "/v2/repository/index")),
    ],
)
def test_directions(method: str, target: str, header: bytes | None, expected: tuple[str, str, str]) -> None:
    found = direction_of(head(method, target), header)
    assert (found.kind, found.name, found.target.decode()) == expected


@pytest.mark.parametrize(
    ("method", "target", "code"),
    [
        ("GET", "/", ErrorCode.NOT_FOUND),
        ("GET", "/admin", ErrorCode.NOT_FOUND),
        ("GET", "/v2/users/me", ErrorCode.NOT_FOUND),
        ("GET", "/v2models/tiny", ErrorCode.NOT_FOUND),
        ("GET", "/v2/models/", ErrorCode.NOT_FOUND),
        ("POST", "/v1/models", ErrorCode.METHOD_NOT_ALLOWED),
    ],
)
def test_directions_that_lead_nowhere(method: str, target: str, code: ErrorCode) -> None:
    with pytest.raises(HomeportError) as caught:
        direction_of(head(method, target), None)
    assert caught.value.code is code


def test_a_model_leads_to_its_only_deployment_or_its_default() -> None:
    found = table(RoutePolicy("a", "m"), RoutePolicy("b", "n"), RoutePolicy("c", "n", is_default_of_model=True))
    assert found.by_model("m").deployment_id == "a"
    assert found.by_model("n").deployment_id == "c"
    assert found.by_model("b").deployment_id == "b"


def test_a_deployment_comes_before_a_model_of_the_same_name() -> None:
    found = table(RoutePolicy("x", "m"), RoutePolicy("y", "x"))
    assert found.by_model("x").deployment_id == "x"


def test_an_ambiguous_model_names_its_deployments() -> None:
    with pytest.raises(HomeportError, match="a, b") as caught:
        table(RoutePolicy("a", "m"), RoutePolicy("b", "m")).by_model("m")
    assert caught.value.code is ErrorCode.CONFLICT


def test_an_unknown_model_gets_near_matches() -> None:
    with pytest.raises(HomeportError) as caught:
        table(RoutePolicy("smollm2-chat", "smollm2")).by_model("smolm2-chat")
    assert caught.value.code is ErrorCode.NOT_FOUND
    assert "smollm2-chat" in caught.value.hint


def test_the_only_one_is_the_default_and_of_many_some_are_named() -> None:
    assert table(RoutePolicy("a", "m")).only(lambda policy: True).deployment_id == "a"
    assert table(RoutePolicy("a", "m"), RoutePolicy("b", "m")).only(lambda policy: policy.deployment_id == "b").model_id
    cases = (
        (0, ErrorCode.NOT_FOUND, "no deployment"),
        (2, ErrorCode.CONFLICT, "d0, d1"),
        (50, ErrorCode.CONFLICT, "d9 and more"),
    )
    for count, code, says in cases:
        with pytest.raises(HomeportError) as caught:
            table(*(RoutePolicy(f"d{number}", "m") for number in range(count))).only(lambda policy: True)
        assert (caught.value.code, says in caught.value.message) == (code, True)


def test_a_deployment_that_moves_to_another_model_leaves_the_first() -> None:
    found = table(RoutePolicy("a", "m"))
    found.put(RoutePolicy("a", "n"))
    assert found.by_model("n").deployment_id == "a"
    with pytest.raises(HomeportError):
        found.by_model("m")
    found.remove("a")
    assert len(found) == 0
    with pytest.raises(HomeportError):
        found.by_model("n")


@pytest.mark.parametrize("body", [b"", b"[]", b'{"model":1}', b'{"model":null}', b"\xff", b"[" * 100_000, b"{"])
def test_bodies_whose_model_cannot_be_read_are_refused(body: bytes) -> None:
    with pytest.raises(HomeportError) as caught:
        read_model(body)
    assert caught.value.code is ErrorCode.INVALID_ARGUMENT


@pytest.mark.parametrize(
    "body",
    [
        b'{"model":"chat","x":{"model":"other"}}',
        b' {"x":[1,"]}"],"m\\u006fdel":"chat"}\n',
        b'{"model":"first","model":"chat"}',
        # What a strict reader would refuse and Python's, so a model server's, takes.
        b'{"model":"chat","temperature":NaN}',
        b'{"model":"chat","text":"half an emoji \\ud83d"}',
    ],
)
def test_the_model_is_what_a_model_server_reads(body: bytes) -> None:
    assert read_model(body) == json.loads(body)["model"] == "chat"
    # As text, because NaN is not equal to itself.
    assert repr(json.loads(with_model(body, "org/real"))) == repr(json.loads(body) | {"model": "org/real"})


def test_the_model_is_replaced_and_nothing_else() -> None:
    body = '{"a":[1,2.50,"é"],"model":"chat","n":12345678901234567890}'.encode()
    assert with_model(body, "org/real").decode() == '{"a":[1,2.5,"é"],"model":"org/real","n":12345678901234567890}'


@pytest.mark.parametrize(
    ("retry", "method", "path", "has_key", "allowed"),
    [
        ("safe", b"POST", b"/v1/chat/completions", False, True),
        ("safe", b"POST", b"/v2/models/x/infer", False, True),
        ("safe", b"POST", b"/predict", False, False),
        ("safe", b"POST", b"/predict", True, True),
        ("safe", b"GET", b"/status", False, True),
        ("safe", b"PATCH", b"/x", False, False),
        ("none", b"POST", b"/v1/chat/completions", False, False),
        ("none", b"POST", b"/v1/chat/completions", True, True),
        ("none", b"DELETE", b"/x", False, True),
    ],
)
def test_what_may_run_twice(retry: str, method: bytes, path: bytes, has_key: bool, allowed: bool) -> None:
    assert may_run_twice(Policy(retry=retry), method, path, has_key) is allowed


def test_revisions_side_by_side_are_policies_of_their_own_for_as_long_as_they_last() -> None:
    old = RevisionRoute("chat", 3, 90, {"n1": (0, 1, 2)}, 8, "tiny-a")
    new = RevisionRoute("chat@1", 4, 10, {"n2": (0, 1, 1)}, 16, "tiny-b")
    policy = RoutePolicy("chat", "tiny", placements={"n1": (0, 1, 2)}, project="p", revisions=(new, old))
    assert canonical.from_plain(RoutePolicy, canonical.to_plain(policy)) == policy
    policies = table(policy)
    assert [(b.revision, b.percent, b.line) for b in policies.branches("chat")] == [
        (3, 90, b"x-homeport-revision: 3\r\n"),
        (4, 10, b"x-homeport-revision: 4\r\n"),
    ]
    track = policies.get("chat@1")
    assert track is not None
    assert (track.revision, track.placements, track.served_model_name, track.project) == (
        4,
        {"n2": (0, 1, 1)},
        "tiny-b",
        "p",
    )
    assert [each.deployment_id for each in policies] == ["chat"], "nobody can name a track"
    with pytest.raises(HomeportError):
        policies.by_deployment("chat@1")
    policies.put(RoutePolicy("chat", "tiny", placements={"n1": (0, 1, 2)}))
    assert (policies.get("chat@1"), policies.branches("chat")) == (None, ())

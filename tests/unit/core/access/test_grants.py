"""Who may do what, as a table."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeport.core.access.grants import Grant, Grants, Verdict
from homeport.core.access.permission import Permission as P
from homeport.core.access.role import PERMISSIONS, Role, roles_with
from homeport.core.access.scope import (
    ORGANISATION,
    Place,
    Scope,
    ScopeKind,
    parse_scope,
    place_of_cluster,
    place_of_deployment,
    place_of_nodepool,
    place_of_project,
)

CHAT = place_of_deployment("chat", "web", ("east/gpu", "west/gpu"))
ALLOWED, FORBIDDEN, HIDDEN = Verdict.ALLOWED, Verdict.FORBIDDEN, Verdict.HIDDEN


@pytest.mark.parametrize(
    ("granted", "permission", "place", "verdict"),
    [
        ("admin organisation", P.ACCESS_WRITE, Place(), ALLOWED),
        ("operator organisation", P.ACCESS_WRITE, Place(), HIDDEN),
        ("operator organisation", P.NODES_WRITE, place_of_nodepool("east", "gpu"), ALLOWED),
        ("viewer organisation", P.DEPLOYMENTS_READ, CHAT, ALLOWED),
        ("viewer organisation", P.DEPLOYMENTS_WRITE, CHAT, FORBIDDEN),
        ("viewer organisation", P.DEPLOYMENTS_INVOKE, CHAT, FORBIDDEN),
        ("invoker organisation", P.DEPLOYMENTS_INVOKE, CHAT, ALLOWED),
        ("invoker organisation", P.DEPLOYMENTS_READ, CHAT, HIDDEN),
        ("deployer project/web", P.DEPLOYMENTS_WRITE, CHAT, ALLOWED),
        ("deployer project/mobile", P.DEPLOYMENTS_WRITE, CHAT, HIDDEN),
        ("deployer project/web", P.CLUSTERS_READ, place_of_cluster("east"), HIDDEN),
        ("viewer deployment/chat", P.DEPLOYMENTS_READ, CHAT, ALLOWED),
        ("viewer deployment/talk", P.DEPLOYMENTS_READ, CHAT, HIDDEN),
        # Who runs one site sees what rests on it, and may change what rests on nothing else.
        ("deployer cluster/east", P.DEPLOYMENTS_READ, CHAT, ALLOWED),
        ("deployer cluster/east", P.DEPLOYMENTS_WRITE, CHAT, FORBIDDEN),
        ("deployer cluster/east", P.DEPLOYMENTS_WRITE, place_of_deployment("chat", "", ("east/gpu",)), ALLOWED),
        ("deployer nodepool/east/gpu", P.DEPLOYMENTS_WRITE, place_of_deployment("x", "", ("east/gpu",)), ALLOWED),
        ("deployer nodepool/east/cpu", P.DEPLOYMENTS_WRITE, place_of_deployment("x", "", ("east/gpu",)), HIDDEN),
        ("operator cluster/east", P.NODEPOOLS_WRITE, place_of_nodepool("east", "gpu"), ALLOWED),
        ("operator cluster/east", P.NODEPOOLS_WRITE, place_of_nodepool("west", "gpu"), HIDDEN),
        ("operator nodepool/east/gpu", P.CLUSTERS_WRITE, place_of_cluster("east"), HIDDEN),
        ("admin project/web", P.PROJECTS_WRITE, place_of_project("web"), ALLOWED),
        ("admin project/web", P.ACCESS_WRITE, Place(), HIDDEN),
    ],
)
def test_verdicts(granted: str, permission: P, place: Place, verdict: Verdict) -> None:
    role, _, scope = granted.partition(" ")
    assert Grants((Grant(Role(role), parse_scope(scope)),)).verdict(permission, place) is verdict


def test_two_sites_together_make_a_deployment_on_both_theirs() -> None:
    both = Grants(tuple(Grant(Role.DEPLOYER, Scope(ScopeKind.CLUSTER, site)) for site in ("east", "west")))
    assert both.verdict(P.DEPLOYMENTS_WRITE, CHAT) is ALLOWED


def test_nothing_is_allowed_to_nobody() -> None:
    assert {Grants().verdict(permission, CHAT) for permission in P} == {HIDDEN}


def test_a_token_can_only_narrow() -> None:
    deployer = Grants((Grant(Role.DEPLOYER, ORGANISATION),))
    invoking = deployer.narrowed([P.DEPLOYMENTS_INVOKE, P.ACCESS_WRITE])
    assert invoking.verdict(P.DEPLOYMENTS_INVOKE, CHAT) is ALLOWED
    assert invoking.verdict(P.DEPLOYMENTS_WRITE, CHAT) is HIDDEN
    assert invoking.verdict(P.ACCESS_WRITE, Place()) is HIDDEN
    assert not invoking.narrowed([P.MODELS_READ]).holds_anywhere(P.DEPLOYMENTS_INVOKE)


@given(st.sets(st.sampled_from(sorted(P))), st.sampled_from(sorted(Role)), st.sampled_from(sorted(P)))
def test_narrowing_never_allows_more(limit: set[P], role: Role, permission: P) -> None:
    whole = Grants((Grant(role, ORGANISATION),))
    if whole.narrowed(limit).verdict(permission, CHAT) is ALLOWED:
        assert whole.verdict(permission, CHAT) is ALLOWED
        assert permission in limit


@pytest.mark.parametrize("permission", list(P))
def test_every_permission_belongs_to_a_role_and_can_be_seen(permission: P) -> None:
    assert roles_with(permission)[-1] is Role.ADMIN
    assert permission.to_see.is_read


def test_stronger_roles_may_do_more() -> None:
    ladder = [Role.VIEWER, Role.DEPLOYER, Role.OPERATOR, Role.ADMIN]
    for weaker, stronger in pairwise(ladder):
        assert PERMISSIONS[weaker] < PERMISSIONS[stronger]


@pytest.mark.parametrize("text", ["organisation", "project/web", "cluster/east", "nodepool/east/gpu"])
def test_scopes_are_written_as_they_are_read(text: str) -> None:
    assert str(parse_scope(text)) == text


@pytest.mark.parametrize("text", ["", "project", "project/", "organisation/x", "planet/mars"])
def test_what_is_no_scope(text: str) -> None:
    with pytest.raises(ValueError, match=r"possible are organisation, project/ID"):
        parse_scope(text)

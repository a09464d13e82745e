"""People, programs, teams, and the roles that they hold. Whoever goes takes its tokens and roles along."""

from collections.abc import Iterator

from controlplane.fleet.accept import Accepted, Action, accept
from controlplane.fleet.references import parent
from controlplane.store.store import Kind, Record, Store, Transaction
from homeport.core.access.role import Role
from homeport.core.access.scope import ORGANISATION, ScopeKind, parse_scope
from homeport.core.errors import ErrorCode, HomeportError
from homeport.schema.access import OidcIdentity, RoleBindingSpec, ServiceAccountSpec, TeamSpec, UserSpec

_SCOPED = {
    ScopeKind.PROJECT: Kind.PROJECT,
    ScopeKind.CLUSTER: Kind.CLUSTER,
    ScopeKind.NODEPOOL: Kind.NODEPOOL,
    ScopeKind.DEPLOYMENT: Kind.DEPLOYMENT,
}


def accept_user(tx: Transaction, spec: UserSpec, keep_oidc: bool = False) -> Accepted:
    """With `keep_oidc` a user stays linked to the OpenID provider though the spec does not say so: files do not know
    what a sign-in has found. Raises CONFLICT for somebody who is another user there, and when nobody would be left to
    administer the organisation."""
    old = tx.get(Kind.USER, spec.id)
    if keep_oidc and spec.oidc is None and old is not None:
        spec = UserSpec.model_validate({**spec.model_dump(), "oidc": old.spec.get("oidc")})
    if spec.oidc is not None:
        _must_be_nobody_else(tx, spec.id, spec.oidc)
    return _kept_administrable(tx, accept(tx, Kind.USER, spec.id, spec, "user"))


def accept_service_account(tx: Transaction, spec: ServiceAccountSpec) -> Accepted:
    """Raises CONFLICT when nobody would be left to administer the organisation."""
    return _kept_administrable(tx, accept(tx, Kind.SERVICE_ACCOUNT, spec.id, spec, "service_account"))


def accept_team(tx: Transaction, spec: TeamSpec) -> Accepted:
    """Raises NOT_FOUND for an unknown member, CONFLICT when nobody would be left to administer the organisation."""
    for index, member in enumerate(spec.members):
        parent(tx, Kind.USER, member, f"team.members.{index}")
    return _kept_administrable(tx, accept(tx, Kind.TEAM, spec.id, spec, "team"))


def accept_role_binding(tx: Transaction, spec: RoleBindingSpec) -> Accepted:
    """Raises NOT_FOUND for an unknown subject, or an unknown object as scope."""
    kind, _, id = spec.subject.partition("/")
    parent(tx, Kind(kind), id, "role_binding.subject")
    scope = parse_scope(spec.scope)
    if scope != ORGANISATION:
        parent(tx, _SCOPED[scope.kind], scope.id, "role_binding.scope")
    return accept(tx, Kind.ROLE_BINDING, spec.id, spec, "role_binding")


def delete_user(tx: Transaction, id: str) -> None:
    """With all that is its own, and its membership of teams. Raises NOT_FOUND, CONFLICT for the last administrator."""
    tx.delete(Kind.USER, id)
    if tx.get(Kind.PASSWORD, id) is not None:
        tx.delete(Kind.PASSWORD, id)
    for team in tx.all(Kind.TEAM):
        if id in team.spec["members"]:
            rest = [member for member in team.spec["members"] if member != id]
            tx.put_spec(Kind.TEAM, team.id, {**team.spec, "members": rest})
    _forget(tx, f"user/{id}")


def delete_service_account(tx: Transaction, id: str) -> None:
    """With its tokens and roles. Raises NOT_FOUND, CONFLICT for the last administrator."""
    tx.delete(Kind.SERVICE_ACCOUNT, id)
    _forget(tx, f"service_account/{id}")


def delete_team(tx: Transaction, id: str) -> None:
    """With its roles. Raises NOT_FOUND, CONFLICT for the last administrators."""
    tx.delete(Kind.TEAM, id)
    _forget(tx, f"team/{id}")


def delete_role_binding(tx: Transaction, id: str) -> None:
    """Raises NOT_FOUND, CONFLICT for that of the last administrator."""
    tx.delete(Kind.ROLE_BINDING, id)
    must_be_administrable(tx)


def held_by(objects: Store | Transaction, subject: str) -> list[Record]:
    """The roles and tokens that go with their subject."""
    bindings = [each for each in objects.all(Kind.ROLE_BINDING) if each.spec["subject"] == subject]
    return bindings + [each for each in objects.all(Kind.ACCESS_TOKEN) if each.spec.get("owner") == subject]


def forget_scope(tx: Transaction, scope: str) -> None:
    """An object is gone: were another one made with its id, the roles that were held there must not hold in it."""
    for binding in tx.all(Kind.ROLE_BINDING):
        if binding.spec["scope"] == scope:
            tx.delete(Kind.ROLE_BINDING, binding.id)


def must_be_administrable(tx: Transaction) -> None:
    """Raises CONFLICT when nobody could administer the organisation any more."""
    if not is_administrable(tx):
        raise HomeportError(
            ErrorCode.CONFLICT,
            "nobody would be left who may administer the organisation",
            hint="give somebody else the role admin on the organisation first",
        )


def is_administrable(objects: Store | Transaction) -> bool:
    return any(_is_enabled(subject) for subject in _administrators(objects))


def _must_be_nobody_else(tx: Transaction, id: str, identity: OidcIdentity) -> None:
    plain = identity.model_dump()
    other = next((each for each in tx.all(Kind.USER) if each.id != id and each.spec.get("oidc") == plain), None)
    if other is not None:
        raise HomeportError(
            ErrorCode.CONFLICT,
            f"at the OpenID provider this is user {other.id} already",
            hint=f"unlink that one first: homeport edit user/{other.id}, with oidc: null",
            path="user.oidc",
        )


def _kept_administrable(tx: Transaction, accepted: Accepted) -> Accepted:
    if accepted.action is Action.CONFIGURED:
        must_be_administrable(tx)
    return accepted


def _forget(tx: Transaction, subject: str) -> None:
    for each in held_by(tx, subject):
        tx.delete(each.kind, each.id)
    must_be_administrable(tx)


def _administrators(objects: Store | Transaction) -> Iterator[Record | None]:
    for binding in objects.all(Kind.ROLE_BINDING):
        if (binding.spec["role"], binding.spec["scope"]) != (Role.ADMIN, str(ORGANISATION)):
            continue
        kind, _, id = binding.spec["subject"].partition("/")
        found = objects.get(Kind(kind), id)
        if found is not None and found.kind is Kind.TEAM:
            yield from (objects.get(Kind.USER, member) for member in found.spec["members"])
        else:
            yield found


def _is_enabled(subject: Record | None) -> bool:
    return subject is not None and not subject.spec.get("disabled", False)

"""What one caller may see and do, asked of objects. Every refusal of the API comes from here."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from controlplane.auth.places import TO_SEE, TO_WRITE, Objects, place_of, place_of_new
from controlplane.fleet.references import NamesOthers, noun
from controlplane.store.store import Kind, Record
from homeport.core.access.grants import Verdict
from homeport.core.access.permission import Permission
from homeport.core.access.principal import NOBODY, Principal
from homeport.core.access.role import roles_with
from homeport.core.access.scope import Place
from homeport.core.errors import ErrorCode, HomeportError
from homeport.schema.base import ApiModel
from homeport.schema.deployment import DeploymentSpec
from homeport.schema.model_version import ModelVersionSpec


class Guard:
    """What is hidden from `principal` is NOT_FOUND, in the words for what does not exist."""

    def __init__(self, principal: Principal) -> None:
        self.principal = principal

    def must_hold(self, permission: Permission, place: Place) -> None:
        """To make something there, or to know that it is there. Raises PERMISSION_DENIED."""
        if self.principal.grants.verdict(permission, place) is not Verdict.ALLOWED:
            raise denied(permission)

    def must_hold_somewhere(self, permission: Permission) -> None:
        """Raises PERMISSION_DENIED."""
        if not self.principal.grants.holds_anywhere(permission):
            raise denied(permission)

    def must(self, permission: Permission, objects: Objects, kind: Kind, id: str) -> None:
        """Of one object, which may not exist: whoever may know that passes. Raises NOT_FOUND, PERMISSION_DENIED."""
        record = objects.get(kind, id)
        place = place_of(objects, kind, id, record.spec) if record else Place()
        match self.principal.grants.verdict(permission, place):
            case Verdict.HIDDEN:
                raise hidden(kind, id)
            case Verdict.FORBIDDEN:
                raise denied(permission)

    def sees(self, objects: Objects, kind: str, id: str, object: Mapping[str, Any]) -> bool:
        """`object` as the API shows it."""
        permission = TO_SEE[kind]
        grants = self.principal.grants
        if grants.holds_everywhere(permission) or self._owns(kind, object):
            return True
        if not grants.holds_anywhere(permission):
            return False
        return grants.verdict(permission, place_of(objects, kind, id, object.get("spec", object))) is Verdict.ALLOWED

    def seen(self, objects: Objects, records: Iterable[Record]) -> list[Record]:
        return [each for each in records if self.sees(objects, each.kind, each.id, {"spec": each.spec})]

    def before_writing(self, objects: Objects, kind: Kind, id: str, spec: ApiModel, root: str) -> None:
        """A new object must be allowed where it is to be, an old one where it is. What the spec names for the first
        time must be seen. Raises PERMISSION_DENIED, NOT_FOUND with the field's path."""
        record = objects.get(kind, id)
        if record is not None:
            self.must_hold(TO_WRITE[kind], place_of(objects, kind, id, record.spec))
        else:
            self.must_hold(TO_WRITE[kind], place_of_new(objects, kind, id, spec.model_dump(mode="json")))
        self._must_see_names(objects, spec, record.spec if record else {}, root)

    def after_writing(self, objects: Objects, kind: Kind, id: str, spec: Mapping[str, Any]) -> None:
        """It must be allowed where it is now, too. Raises PERMISSION_DENIED."""
        self.must_hold(TO_WRITE[kind], place_of(objects, kind, id, spec))

    def after_making(self, objects: Objects, record: Record) -> None:
        """Of what a write has made on the way. Raises PERMISSION_DENIED."""
        self.must_hold(TO_WRITE[record.kind], place_of_new(objects, record.kind, record.id, record.spec))

    def without_names(self, error: HomeportError, objects: Objects) -> HomeportError:
        """An error names what is in the way, as far as the caller may see that; one about something unknown names what
        there is instead, only for those who may see all of it."""
        if isinstance(error, NamesOthers):
            return error.naming(self.seen(objects, error.others))
        grants = self.principal.grants
        told = error.code is not ErrorCode.NOT_FOUND or self.principal is NOBODY
        if told or all(grants.holds_everywhere(permission) for permission in _NAMED_IN_HINTS):
            return error
        return HomeportError(error.code, error.message, hint=_HIDDEN, path=error.path)

    def _must_see_names(self, objects: Objects, spec: ApiModel, before: Mapping[str, Any], root: str) -> None:
        """Who may not see a model or a nodepool cannot make use of it, nor learn whether it exists."""
        known = {(kind, id) for kind, id, _ in names_in(type(spec).model_validate(before))} if before else set()
        for kind, id, path in names_in(spec):
            record = objects.get(kind, id)
            is_new = (kind, id) not in known
            if is_new and record is not None and not self.sees(objects, kind, id, {"spec": record.spec}):
                raise hidden(kind, id, f"{root}.{path}")

    def _owns(self, kind: str, object: Mapping[str, Any]) -> bool:
        return kind == Kind.ACCESS_TOKEN and object["spec"].get("owner") == str(self.principal.subject)


_HIDDEN = "if it is there, it is not for you to see: the lists show what is"
_NAMED_IN_HINTS = frozenset(TO_SEE.values()) - {Permission.ACCESS_READ, Permission.JOIN_TOKENS_READ}


def names_in(spec: ApiModel) -> Iterator[tuple[Kind, str, str]]:
    """(kind, id, path of the field) of what a spec makes use of."""
    if isinstance(spec, ModelVersionSpec):
        yield Kind.MODEL, spec.model.id, "model.id"
    if isinstance(spec, DeploymentSpec):
        yield Kind.MODEL, spec.worker.model.id, "worker.model.id"
        for index, pool in enumerate(spec.nodepools):
            yield Kind.NODEPOOL, pool.key, f"nodepools.{index}.id"
    if isinstance(spec, ModelVersionSpec | DeploymentSpec):
        for index, use in enumerate(spec.secrets):
            yield Kind.SECRET, use.id, f"secrets.{index}.id"
    project = getattr(spec, "project", "")
    if project:
        yield Kind.PROJECT, project, "project"


def hidden(kind: Kind, id: str, path: str = "") -> HomeportError:
    """The same for what does not exist and for what may not be seen."""
    return HomeportError(ErrorCode.NOT_FOUND, f"{noun(kind)} {id} does not exist", hint=_HIDDEN, path=path)


def denied(permission: Permission) -> HomeportError:
    roles = ", ".join(roles_with(permission))
    return HomeportError(
        ErrorCode.PERMISSION_DENIED,
        f"this needs the permission {permission}",
        hint=f"roles that have it: {roles}; an administrator can give you one: homeport role-binding create --help",
        details={"permission": permission.value},
    )

"""Callers for tests that are about something else."""

from controlplane.auth.guard import Guard
from homeport.core.access.grants import Grant, Grants
from homeport.core.access.principal import Principal, Subject, SubjectKind
from homeport.core.access.role import Role
from homeport.core.access.scope import ORGANISATION

ADMINISTRATOR = Principal(
    Subject(SubjectKind.USER, "admin"), "test", "test", Grants((Grant(Role.ADMIN, ORGANISATION),))
)
ANYTHING_GOES = Guard(ADMINISTRATOR)

from collections.abc import Mapping
from enum import StrEnum

from homeport.core.access.permission import Permission


class Role(StrEnum):
    ADMIN = "admin"
    OPERATOR = "operator"
    DEPLOYER = "deployer"
    VIEWER = "viewer"
    INVOKER = "invoker"


_INVOKER = frozenset({Permission.DEPLOYMENTS_INVOKE})
_VIEWER = frozenset(
    {
        Permission.CLUSTERS_READ,
        Permission.NODEPOOLS_READ,
        Permission.NODES_READ,
        Permission.INSTANCE_TYPES_READ,
        Permission.PROJECTS_READ,
        Permission.MODELS_READ,
        Permission.DEPLOYMENTS_READ,
        Permission.SERVER_READ,
    }
)
_DEPLOYER = (
    _VIEWER
    | _INVOKER
    | {
        Permission.MODELS_WRITE,
        Permission.DEPLOYMENTS_WRITE,
        Permission.DEPLOYMENTS_LOGS,
        Permission.SECRETS_READ,
        Permission.SECRETS_WRITE,
    }
)
_OPERATOR = _DEPLOYER | {
    Permission.CLUSTERS_WRITE,
    Permission.NODEPOOLS_WRITE,
    Permission.NODES_WRITE,
    Permission.JOIN_TOKENS_READ,
    Permission.JOIN_TOKENS_WRITE,
    Permission.INSTANCE_TYPES_WRITE,
    Permission.PROJECTS_WRITE,
    Permission.SERVER_WRITE,
}

PERMISSIONS: Mapping[Role, frozenset[Permission]] = {
    Role.INVOKER: _INVOKER,
    Role.VIEWER: _VIEWER,
    Role.DEPLOYER: _DEPLOYER,
    Role.OPERATOR: _OPERATOR,
    Role.ADMIN: frozenset(Permission),
}


def roles_with(permission: Permission) -> list[Role]:
    """The least powerful first."""
    return [role for role, permissions in PERMISSIONS.items() if permission in permissions]

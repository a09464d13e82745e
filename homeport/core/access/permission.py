from enum import StrEnum


class Permission(StrEnum):
    """One thing that one may be allowed to do. The part before the dot is a kind of object, as the API names it."""

    CLUSTERS_READ = "clusters.read"
    CLUSTERS_WRITE = "clusters.write"
    NODEPOOLS_READ = "nodepools.read"
    NODEPOOLS_WRITE = "nodepools.write"
    NODES_READ = "nodes.read"
    NODES_WRITE = "nodes.write"
    JOIN_TOKENS_READ = "join-tokens.read"
    JOIN_TOKENS_WRITE = "join-tokens.write"
    INSTANCE_TYPES_READ = "instance-types.read"
    INSTANCE_TYPES_WRITE = "instance-types.write"
    PROJECTS_READ = "projects.read"
    PROJECTS_WRITE = "projects.write"
    MODELS_READ = "models.read"
    MODELS_WRITE = "models.write"
    DEPLOYMENTS_READ = "deployments.read"
    DEPLOYMENTS_WRITE = "deployments.write"
    DEPLOYMENTS_LOGS = "deployments.logs"
    DEPLOYMENTS_INVOKE = "deployments.invoke"
    SECRETS_READ = "secrets.read"  # that they exist, never what they hold
    SECRETS_WRITE = "secrets.write"
    ACCESS_READ = "access.read"  # users, teams, service accounts, bindings, everybody's tokens
    ACCESS_WRITE = "access.write"
    AUDIT_READ = "audit.read"
    SERVER_READ = "server.read"
    SERVER_WRITE = "server.write"  # how many workers the gateway has

    @property
    def is_read(self) -> bool:
        """Whether it says only that one may see the object."""
        return self.value.endswith(".read")

    @property
    def to_see(self) -> "Permission":
        """What one needs to learn that such an object exists."""
        return Permission(f"{self.value.partition('.')[0]}.read")

"""Where each kind of object lives in the API, and how a person writes its id."""

from dataclasses import dataclass
from urllib.parse import quote

from homeport.core.errors import ErrorCode, HomeportError


@dataclass(frozen=True, slots=True)
class KindPath:
    """`form` is the id as a person writes it; its parts fill `item`. The last part is not in `listing`."""

    kind: str
    form: str
    listing: str
    item: str

    def item_path(self, object_id: str) -> str:
        return self.item.format(*self._parts(object_id))

    def listing_path(self, parent: str = "") -> str:
        """`parent` is the id of the object that holds the list; empty for kinds that have none in their path."""
        return self.listing.format(quote(parent, safe=""))

    def _parts(self, object_id: str) -> list[str]:
        parts = object_id.split("/")
        if len(parts) != len(self.form.split("/")) or not all(parts):
            raise HomeportError(
                ErrorCode.INVALID_ARGUMENT,
                f"{object_id!r} is not the id of a {self.kind.replace('_', ' ')}",
                hint=f"write it as {self.form}",
            )
        return [quote(part, safe="") for part in parts]


CLUSTERS = KindPath("cluster", "CLUSTER", "clusters", "clusters/{}")
NODEPOOLS = KindPath("nodepool", "CLUSTER/NODEPOOL", "nodepools", "nodepools/{}/{}")
INSTANCE_TYPES = KindPath("instance_type", "INSTANCE-TYPE", "instance-types", "instance-types/{}")
NODES = KindPath("node", "NODE", "nodes", "nodes/{}")
MODELS = KindPath("model", "MODEL", "models", "models/{}")
MODEL_VERSIONS = KindPath("model_version", "MODEL/VERSION", "models/{}/versions", "models/{}/versions/{}")
DEPLOYMENTS = KindPath("deployment", "DEPLOYMENT", "deployments", "deployments/{}")
PROJECTS = KindPath("project", "PROJECT", "projects", "projects/{}")
SECRETS = KindPath("secret", "SECRET", "secrets", "secrets/{}")
JOIN_TOKENS = KindPath("join_token", "TOKEN", "join-tokens", "join-tokens/{}")
USERS = KindPath("user", "USER", "users", "users/{}")
SERVICE_ACCOUNTS = KindPath("service_account", "SERVICE-ACCOUNT", "service-accounts", "service-accounts/{}")
TEAMS = KindPath("team", "TEAM", "teams", "teams/{}")
ROLE_BINDINGS = KindPath("role_binding", "ROLE-BINDING", "role-bindings", "role-bindings/{}")
ACCESS_TOKENS = KindPath("access_token", "TOKEN", "access-tokens", "access-tokens/{}")
_ACCESS = (USERS, SERVICE_ACCOUNTS, TEAMS, ROLE_BINDINGS, ACCESS_TOKENS)

# As lists and watches name what they hold.
TOPIC_OF = {
    **{
        path.kind: path.listing
        for path in (
            CLUSTERS,
            NODEPOOLS,
            INSTANCE_TYPES,
            NODES,
            MODELS,
            DEPLOYMENTS,
            PROJECTS,
            SECRETS,
            JOIN_TOKENS,
            *_ACCESS,
        )
    },
    "model_version": "model-versions",
    "placement": "placements",
    "replica": "replicas",
}

"""The kinds of objects, as the command names them."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from homeport.core.errors import ErrorCode, HomeportError
from homeport.core.names import did_you_mean

if TYPE_CHECKING:
    from homeport.client.sync_client import Client, SyncCollection


@dataclass(frozen=True, slots=True)
class Noun:
    """`attribute` is the client's. `root` is the key of the YAML document; empty for what no document describes.
    `id_form` and `id_help` are for help where WORD and "The WORD's id." would not do."""

    kind: str
    word: str
    attribute: str
    root: str = ""
    id_form: str = ""
    id_help: str = ""

    def collection(self, client: "Client", parent: str = "") -> "SyncCollection":
        if self.kind == "model_version":
            return client.model_versions(parent)
        found: SyncCollection = getattr(client, self.attribute)
        return found


CLUSTER = Noun("cluster", "cluster", "clusters", "compute_cluster")
NODEPOOL = Noun("nodepool", "nodepool", "nodepools", "nodepool")
INSTANCE_TYPE = Noun(
    "instance_type", "instance type", "instance_types", "instance_type", id_help="Its id, for instance g5.xlarge."
)
NODE = Noun("node", "node", "nodes", id_help="The node's id, or its name where that is unique.")
MODEL = Noun("model", "model", "models", "model")
MODEL_VERSION = Noun(
    "model_version",
    "model version",
    "model_versions",
    "model_version",
    "MODEL/VERSION",
    "The version's id within its model.",
)
DEPLOYMENT = Noun("deployment", "deployment", "deployments", "deployment")
PROJECT = Noun("project", "project", "projects", "project")
SECRET = Noun("secret", "secret", "secrets", "secret")
JOIN_TOKEN = Noun("join_token", "join token", "join_tokens")
USER = Noun("user", "user", "users", "user")
SERVICE_ACCOUNT = Noun("service_account", "service account", "service_accounts", "service_account")
TEAM = Noun("team", "team", "teams", "team")
ROLE_BINDING = Noun("role_binding", "role binding", "role_bindings", "role_binding")
ACCESS_TOKEN = Noun("access_token", "token", "access_tokens", id_help="The token's id, as listed.")

# As a person writes the kind in KIND/ID.
BY_NAME = {
    "cluster": CLUSTER,
    "compute_cluster": CLUSTER,
    "nodepool": NODEPOOL,
    "instance-type": INSTANCE_TYPE,
    "instance_type": INSTANCE_TYPE,
    "node": NODE,
    "model": MODEL,
    "version": MODEL_VERSION,
    "model_version": MODEL_VERSION,
    "deployment": DEPLOYMENT,
    "project": PROJECT,
    "secret": SECRET,
    "join-token": JOIN_TOKEN,
    "user": USER,
    "service-account": SERVICE_ACCOUNT,
    "service_account": SERVICE_ACCOUNT,
    "team": TEAM,
    "role-binding": ROLE_BINDING,
    "role_binding": ROLE_BINDING,
    "token": ACCESS_TOKEN,
}


def split_reference(reference: str) -> tuple[Noun, str]:
    """`deployment/smollm2-chat`, `nodepool/office/gpu`, `version/smollm2/v1`."""
    name, slash, object_id = reference.partition("/")
    if name not in BY_NAME:
        hint = did_you_mean(name, BY_NAME, f"kinds: {', '.join(BY_NAME)}")
        raise HomeportError(ErrorCode.INVALID_ARGUMENT, f"unknown kind {name!r}", hint=hint)
    if not slash or not object_id:
        raise HomeportError(
            ErrorCode.INVALID_ARGUMENT,
            f"{reference!r} names no object",
            hint=f"write {name}/ID, for instance {name}/my-id; `list` shows which there are",
        )
    return BY_NAME[name], object_id


def editable(noun: Noun) -> Noun:
    """Raises for kinds that no document describes."""
    if not noun.root:
        raise HomeportError(
            ErrorCode.INVALID_ARGUMENT,
            f"a {noun.word} cannot be edited: no document describes it",
            hint=f"editable are: {', '.join(name for name, each in BY_NAME.items() if each.root)}",
        )
    return noun

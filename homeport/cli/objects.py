"""The verbs that every noun shares: create, list, get, delete."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from homeport.cli.confirm import confirm
from homeport.cli.connect import connect
from homeport.cli.options import OutputFormat
from homeport.cli.output import print_documents, print_plain, print_table
from homeport.core.errors import ErrorCode, HomeportError
from homeport.core.names import did_you_mean

if TYPE_CHECKING:
    from homeport.client.resource import Resource
    from homeport.client.sync_client import Client, SyncCollection


@dataclass(frozen=True, slots=True)
class Noun:
    """`root` is the key of the YAML document; empty for what no document describes."""

    kind: str
    word: str
    attribute: str
    root: str = ""

    def collection(self, client: "Client", parent: str = "") -> "SyncCollection":
        if self.kind == "model_version":
            return client.model_versions(parent)
        found: SyncCollection = getattr(client, self.attribute)
        return found


CLUSTER = Noun("cluster", "cluster", "clusters", "compute_cluster")
NODEPOOL = Noun("nodepool", "nodepool", "nodepools", "nodepool")
NODE = Noun("node", "node", "nodes")
MODEL = Noun("model", "model", "models", "model")
MODEL_VERSION = Noun("model_version", "model version", "model_versions", "model_version")
DEPLOYMENT = Noun("deployment", "deployment", "deployments", "deployment")
JOIN_TOKEN = Noun("join_token", "join token", "join_tokens")

# As a person writes the kind in KIND/ID.
BY_NAME = {
    "cluster": CLUSTER,
    "compute_cluster": CLUSTER,
    "nodepool": NODEPOOL,
    "node": NODE,
    "model": MODEL,
    "version": MODEL_VERSION,
    "model_version": MODEL_VERSION,
    "deployment": DEPLOYMENT,
    "join-token": JOIN_TOKEN,
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
            hint=f"write {name}/ID, for instance {name}/my-id",
        )
    return BY_NAME[name], object_id


def create_object(noun: Noun, spec: dict[str, Any], output: OutputFormat, context: str, parent: str = "") -> None:
    with connect(context) as client:
        created = noun.collection(client, parent).create(spec)
    if output is OutputFormat.TABLE:
        print(f"{noun.word} {created.id} created")
    else:
        print_resources(noun, [created], output)


def list_objects(noun: Noun, output: OutputFormat, context: str, parent: str = "", **filters: str) -> None:
    with connect(context) as client:
        found = noun.collection(client, parent).list(**{key: value for key, value in filters.items() if value})
    print_resources(noun, found, output)


def get_object(noun: Noun, object_id: str, output: OutputFormat, context: str) -> None:
    if noun is JOIN_TOKEN:
        raise HomeportError(
            ErrorCode.INVALID_ARGUMENT,
            "a join token is shown once, when it is made",
            hint="`homeport join-token list` shows which exist",
        )
    with connect(context) as client:
        found = noun.collection(client).get(object_id)
        if output is not OutputFormat.TABLE:
            print_one(noun, found, output)
        else:
            from homeport.cli.describe import describe

            describe(client, found)


def delete_object(noun: Noun, object_id: str, yes: bool, context: str) -> None:
    with connect(context) as client:
        collection = noun.collection(client)
        if not yes:
            from homeport.cli.consequences import consequences

            confirm(f"delete {noun.word} {object_id}", consequences(client, noun.kind, object_id), object_id)
        collection.delete(object_id)
    print(f"{noun.word} {object_id} deleted")


def print_resources(noun: Noun, found: "list[Resource]", output: OutputFormat) -> None:
    if output is OutputFormat.JSON:
        print_plain([resource.to_plain() for resource in found], output)
    elif output is OutputFormat.YAML:
        print_documents([_document(noun, resource) for resource in found])
    else:
        from homeport.cli.columns import COLUMNS

        columns = COLUMNS[noun.kind]
        rows = [[value(resource) for _, value in columns] for resource in found]
        print_table([header for header, _ in columns], rows, empty=f"no {noun.word}s yet")


def print_one(noun: Noun, resource: "Resource", output: OutputFormat) -> None:
    print_plain(resource.to_plain() if output is OutputFormat.JSON else _document(noun, resource), output)


def _document(noun: Noun, resource: "Resource") -> dict[str, Any]:
    """What `homeport apply` takes; kinds that it does not take are shown whole."""
    return {noun.root: resource.spec} if noun.root else resource.to_plain()

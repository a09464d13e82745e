"""`homeport node`: enrolled hosts."""

from typing import Annotated

import typer

from homeport.cli import node_verbs, objects
from homeport.cli.connect import connect
from homeport.cli.grammar import noun
from homeport.cli.node_verbs import NodeId
from homeport.cli.nouns import NODE
from homeport.cli.options import (
    Chosen,
    ContextOption,
    LimitOption,
    OutputFormat,
    OutputOption,
    SearchOption,
    Shown,
    SortOption,
    WatchOption,
)
from homeport.cli.output import print_plain
from homeport.cli.shared_verbs import add_delete, add_get
from homeport.core.errors import ErrorCode, HomeportError

app = noun("Enrolled hosts. `homeport node add` prints the command that makes a host one.")


@app.command("add")
def add(
    cluster: Annotated[str, typer.Option(help="The cluster that the host joins, if there are several.")] = "",
    nodepool: Annotated[str, typer.Option(help="The nodepool, or CLUSTER/NODEPOOL, if there are several.")] = "",
    ttl: Annotated[int, typer.Option(metavar="SECONDS", help="How long the command can be used, 10 to 1800.")] = 300,
    output: OutputOption = OutputFormat.TABLE,
    context: ContextOption = "",
) -> None:
    """Print the command that makes a host a node.

    It installs the agent, joins and starts. It is good for one host.

    \b
    Examples:
      homeport node add
      homeport node add --cluster office --nodepool gpu --ttl 1800
    """
    with connect(context) as client:
        chosen = choose_nodepool([found.id for found in client.nodepools.list()], cluster, nodepool)
        created = client.create_join_token(chosen, ttl)
    if output is not OutputFormat.TABLE:
        print_plain(created, output)
        return
    print(f"For one host of {chosen}, within {ttl} s. As root on the host:\n")
    if created.get("install_command"):
        print(f"  {created['install_command']}\n")
        return
    server = created["command"].split("--server ")[1].split()[0]
    print(f"  sh wheelhouse/install.sh agent --server {server} --token {created['token']}\n")
    print("`make wheelhouse` in a checkout makes that folder; copy it to the host. A control plane that was installed")
    print("from one offers it to hosts itself. Where homeport-agent is installed already:\n")
    print(f"  {created['command']}\n")


def choose_nodepool(known: list[str], cluster: str, nodepool: str) -> str:
    """The one of `known` (CLUSTER/NODEPOOL) that is meant. Raises HomeportError when none or several are."""
    if "/" in nodepool:
        cluster, nodepool = nodepool.split("/", 1)
    pairs = [key.split("/", 1) for key in known]
    fitting = [f"{c}/{n}" for c, n in pairs if cluster in ("", c) and nodepool in ("", n)]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        raise HomeportError(
            ErrorCode.INVALID_ARGUMENT,
            f"several nodepools fit: {', '.join(fitting)}",
            hint=f"choose one: homeport node add --nodepool {fitting[0]}",
        )
    raise HomeportError(
        ErrorCode.NOT_FOUND,
        f"no nodepool fits; there are: {', '.join(known)}" if known else "there is no nodepool yet",
        hint="homeport nodepool create --help says how to make one",
    )


@app.command("list")
def list_(
    cluster: Annotated[str, typer.Option(help="Only those of this cluster.")] = "",
    nodepool: Annotated[str, typer.Option(help="Only those of this nodepool.")] = "",
    status: Annotated[str, typer.Option(help="Only those in this status: ready, suspect, ...")] = "",
    search: SearchOption = "",
    sort: SortOption = "",
    limit: LimitOption = None,
    watch: WatchOption = False,
    output: OutputOption = OutputFormat.TABLE,
    context: ContextOption = "",
) -> None:
    """List nodes with their status and hardware.

    \b
    Examples:
      homeport node list
      homeport node list --cluster office -o json
    """
    filters = {"cluster": cluster, "nodepool": nodepool, "status": status}
    objects.list_objects(NODE, Shown(output, watch, context), Chosen(limit, sort, search, filters=filters))


add_get(app, NODE, "Show one node.", "homeport node get rack7 -o json")
add_delete(app, NODE, "Forget a node: its agent is turned away from then on.", "homeport node delete rack7")


@app.command("lock")
def lock(
    node: NodeId,
    reason: Annotated[str, typer.Option(help="Why; shown to whoever looks at the node.")] = "",
    stop_models: Annotated[bool, typer.Option("--stop-models", help="Stop what runs on the node, too.")] = False,
    context: ContextOption = "",
) -> None:
    """Turn a node's agent away at once, without deleting it.

    Its session and tunnels end within a second, and nothing it sends is taken until it is unlocked. Its models run on,
    but get no requests through Homeport.

    \b
    Examples:
      homeport node lock rack7 --reason "stolen disk?"
      homeport node lock rack7 --stop-models
    """
    with connect(context) as client:
        locked = client.nodes.lock(node, reason, stop_models=stop_models)
    print(f"node {locked.id} locked")


@app.command("unlock")
def unlock(node: NodeId, context: ContextOption = "") -> None:
    """Let a locked node in again. Its agent asks every ten seconds.

    \b
    Example:
      homeport node unlock rack7
    """
    with connect(context) as client:
        unlocked = client.nodes.unlock(node)
    print(f"node {unlocked.id} unlocked")


@app.command("approve")
def approve(node: NodeId, context: ContextOption = "") -> None:
    """Let a node in that waits for it.

    That is a new node of a nodepool with `node_approval: required`, or the host that was turned away as a copy of the
    node: from then on that one is the node. Such an agent asks again every fifteen minutes, or at once when restarted.

    \b
    Example:
      homeport node approve rack7
    """
    with connect(context) as client:
        approved = client.nodes.approve(node)
    print(f"node {approved.spec['name']} is let in")


@app.command("reject")
def reject(node: NodeId, context: ContextOption = "") -> None:
    """Forget a new node that waits, or keep a copy of a node out.

    \b
    Example:
      homeport node reject rack7
    """
    with connect(context) as client:
        client.nodes.reject(node)
    print(f"node {node} rejected")


app.command("cordon")(node_verbs.cordon)
app.command("uncordon")(node_verbs.uncordon)
app.command("drain")(node_verbs.drain)
app.command("undrain")(node_verbs.undrain)
app.command("clear-gpu")(node_verbs.clear_gpu)
app.command("release-brake")(node_verbs.release_brake)

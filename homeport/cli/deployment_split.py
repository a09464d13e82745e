"""`homeport deployment split|promote|rollback|revisions`: revisions side by side."""

import re
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from homeport.cli.connect import connect
from homeport.cli.deployment_verbs import DeploymentId
from homeport.cli.nouns import DEPLOYMENT
from homeport.cli.options import ContextOption, OutputFormat, OutputOption, SettleOption

if TYPE_CHECKING:
    from homeport.client.resource import Resource
    from homeport.client.sync_client import Client

_SHARE = re.compile(r"r?(\d{1,9})=(\d{1,3})%?")

DryRunOption = Annotated[
    bool, typer.Option("--dry-run", help="Say what would be, and whether it fits; change nothing.")
]
OneRevisionOption = Annotated[int | None, typer.Option("--revision", metavar="N", min=1, help="This revision.")]


def split(
    deployment_id: DeploymentId,
    shares: Annotated[
        list[str] | None, typer.Argument(metavar="[REVISION=PERCENT]...", help="All of them; 100 together.")
    ] = None,
    revision: OneRevisionOption = None,
    percent: Annotated[int | None, typer.Option(min=0, max=100, help="Of the requests, to --revision.")] = None,
    newest: Annotated[bool, typer.Option("--newest", help="All to the newest, also to those to come.")] = False,
    dry_run: DryRunOption = False,
    watch: SettleOption = False,
    output: OutputOption = OutputFormat.TABLE,
    context: ContextOption = "",
) -> None:
    """Run revisions side by side, and divide the requests among them.

    Requests go to a revision once what it needs for them is ready. One with 0 percent runs for those that name it in
    the header X-Homeport-Revision. As long as there is a division, new revisions run nowhere until they get a share.

    \b
    Examples:
      homeport deployment split smollm2-chat 3=100
      homeport deployment split smollm2-chat --revision 4 --percent 10 --watch
      homeport deployment split smollm2-chat 3=50 4=50 --dry-run
      homeport deployment split smollm2-chat --newest
    """
    one = revision is not None or percent is not None
    if bool(shares) + one + newest != 1 or (one and (revision is None or percent is None)):
        raise typer.BadParameter("give REVISION=PERCENT for each, or --revision with --percent, or --newest")
    listed = dict(map(_share, shares or []))

    def ask(client: "Client") -> "Resource":
        if one:
            return client.deployments.split(deployment_id, revision=revision, percent=percent, dry_run=dry_run)
        return client.deployments.split(deployment_id, listed, dry_run=dry_run)

    _do(deployment_id, ask, dry_run, watch, output, context)


def promote(
    deployment_id: DeploymentId,
    revision: OneRevisionOption = None,
    dry_run: DryRunOption = False,
    watch: SettleOption = False,
    output: OutputOption = OutputFormat.TABLE,
    context: ContextOption = "",
) -> None:
    """Send all requests to one revision, the newest if none is named.

    They go over once it has ready what the others had; then the others end.

    \b
    Example:
      homeport deployment promote smollm2-chat --watch
    """

    def ask(client: "Client") -> "Resource":
        return client.deployments.promote(deployment_id, revision, dry_run=dry_run)

    _do(deployment_id, ask, dry_run, watch, output, context)


def rollback(
    deployment_id: DeploymentId,
    revision: OneRevisionOption = None,
    dry_run: DryRunOption = False,
    watch: SettleOption = False,
    output: OutputOption = OutputFormat.TABLE,
    context: ContextOption = "",
) -> None:
    """Send all requests back to an older revision.

    That is the one before the newest that has some, if none is named. Where both run it is done in a moment. Else the
    older one starts first; if the newer one serves nothing, requests wait for that.

    \b
    Examples:
      homeport deployment rollback smollm2-chat
      homeport deployment rollback smollm2-chat --revision 2 --dry-run
    """

    def ask(client: "Client") -> "Resource":
        return client.deployments.rollback(deployment_id, revision, dry_run=dry_run)

    _do(deployment_id, ask, dry_run, watch, output, context)


def revisions(
    deployment_id: DeploymentId, output: OutputOption = OutputFormat.TABLE, context: ContextOption = ""
) -> None:
    """List a deployment's revisions.

    What each runs, and what of the requests it gets.

    \b
    Example:
      homeport deployment revisions smollm2-chat
    """
    from homeport.cli.output import print_plain, print_table
    from homeport.cli.text import duration

    with connect(context) as client:
        found = client.revisions(deployment_id)
        running = {each["revision"]: each for each in client.deployments.get(deployment_id).status["traffic_split"]}
    if output is not OutputFormat.TABLE:
        print_plain([each.to_plain() for each in found], output)
        return
    rows = []
    for each in found:
        number = int(each.id.rpartition("/")[2])
        version = f"{each.spec['model']}/{each.spec['model_version']}"
        rows.append([f"r{number}", version, duration(time.time() - each.created_at), *_state(running.get(number))])
    print_table(["REVISION", "VERSION", "AGE", "REQUESTS", "READY"], rows)


def traffic_lines(found: list[dict[str, Any]]) -> list[str]:
    """One line for each revision that runs."""
    return [" ".join(part for part in (f"r{each['revision']}", *_state(each)) if part != "-") for each in found]


def _state(each: dict[str, Any] | None) -> list[str]:
    if each is None:
        return ["-", "-"]
    to_come = f", {each['wanted']} % to come" if each["wanted"] != each["percent"] else ""
    waits = f" of {each['waits_for']} that it waits for" if each["waits_for"] else ""
    return [f"{each['percent']} %{to_come}", f"{each['ready']} ready{waits}"]


def _share(text: str) -> tuple[int, int]:
    match = _SHARE.fullmatch(text)
    if match is None:
        raise typer.BadParameter(f"{text!r} is not of the form REVISION=PERCENT, as 4=10", param_hint="SHARES")
    return int(match[1]), int(match[2])


def _do(
    deployment_id: str,
    ask: "Callable[[Client], Resource]",
    dry_run: bool,
    watch: bool,
    output: OutputFormat,
    context: str,
) -> None:
    with connect(context) as client:
        resource = ask(client)
        if output is not OutputFormat.TABLE:
            from homeport.cli.show import print_one

            print_one(DEPLOYMENT, resource, output)
        else:
            print(f"deployment {deployment_id} {'would send' if dry_run else 'sends'} {_shares(resource)}")
            if resource.forecast:
                from homeport.cli.explain import forecast_lines

                print("\n".join(f"  {line}" for line in forecast_lines(resource.forecast)))
        if watch and not dry_run:
            from homeport.cli.settling import watch_until_settled

            watch_until_settled(client, [deployment_id], output)


def _shares(resource: "Resource") -> str:
    shares = [f"{share['percent']} % to r{share['revision']}" for share in resource.spec.get("traffic_split", [])]
    return ", ".join(shares) or "all requests to the newest revision"

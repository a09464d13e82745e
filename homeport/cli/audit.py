"""`homeport audit`: who has changed what, or was not allowed to."""

import time
from typing import Annotated, Any

import typer

from homeport.cli.connect import connect
from homeport.cli.grammar import noun
from homeport.cli.options import ContextOption, OutputFormat, OutputOption
from homeport.cli.output import print_plain, print_table

app = noun("Who has changed what, and who was not allowed to.")

ActorOption = Annotated[str, typer.Option(metavar="WHO", help="Only what they did: user/admin, ...")]
KindOption = Annotated[str, typer.Option(metavar="KIND", help="Only objects of this kind: deployment, ...")]
ObjectOption = Annotated[str, typer.Option("--id", metavar="ID", help="Only the object with this id.")]
DeniedOption = Annotated[bool, typer.Option("--denied", help="Only what was denied.")]
HoursOption = Annotated[float | None, typer.Option("--hours", metavar="N", min=0, help="Only the last N hours.")]


@app.command("list")
def list_(
    actor: ActorOption = "",
    kind: KindOption = "",
    object_id: ObjectOption = "",
    denied: DeniedOption = False,
    hours: HoursOption = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="Show that many at most.")] = 50,
    output: OutputOption = OutputFormat.TABLE,
    context: ContextOption = "",
) -> None:
    """List entries of the audit log, the newest first. -o json has what each object was and is.

    \b
    Examples:
      homeport audit list
      homeport audit list --kind deployment --id chat -o json
      homeport audit list --denied --hours 24
    """
    with connect(context) as client:
        entries = list(client.audit(limit=limit, **_filters(actor, kind, object_id, denied, hours)))
    if output is not OutputFormat.TABLE:
        print_plain(entries, output)
        return
    print_table(["TIME", "WHO", "WHAT", "OBJECT", "RESULT", "FROM"], [_row(entry) for entry in entries])


@app.command("export")
def export(
    actor: ActorOption = "",
    kind: KindOption = "",
    object_id: ObjectOption = "",
    denied: DeniedOption = False,
    hours: HoursOption = None,
    context: ContextOption = "",
) -> None:
    """Print all entries as JSON lines, the oldest first.

    \b
    Example:
      homeport audit export --hours 24 >> audit.jsonl
    """
    with connect(context) as client:
        for line in client.audit_export(**_filters(actor, kind, object_id, denied, hours)):
            print(line)


def _filters(actor: str, kind: str, object_id: str, denied: bool, hours: float | None) -> dict[str, str]:
    found = {"actor": actor, "kind": kind.replace("-", "_"), "object_id": object_id}
    found["result"] = "denied" if denied else ""
    found["since"] = "" if hours is None else str(time.time() - hours * 3600)
    return {name: value for name, value in found.items() if value}


def _row(entry: dict[str, Any]) -> list[str]:
    moment = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(entry["at"]))
    what = f"{entry['kind']}/{entry['object_id']}" if entry["kind"] else entry["request"]
    result = f"denied ({entry['reason']})" if entry["reason"] else entry["result"]
    return [moment, entry["actor"] or "-", entry["action"], what, result, entry["address"]]

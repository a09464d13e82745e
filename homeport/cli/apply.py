"""`homeport apply`: make it so."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from homeport.cli.connect import connect
from homeport.cli.options import ContextOption, CreateMissingOption, OutputFormat, OutputOption
from homeport.cli.output import print_plain
from homeport.cli.paint import GOOD, QUIET, WARN, paint
from homeport.core.errors import HomeportError

if TYPE_CHECKING:
    from homeport.client.resource import Applied

_COLOURS = {"created": GOOD, "configured": WARN, "unchanged": QUIET}


def apply(
    where: Annotated[
        str,
        typer.Option("--file", "-f", metavar="FILE|DIR|-", help="A YAML file, a folder of them, or standard input."),
    ],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check, and say what would change, without changing it.")
    ] = False,
    create_missing: CreateMissingOption = False,
    watch: Annotated[
        bool, typer.Option("--watch", "-w", help="Then follow its deployments until they are ready.")
    ] = False,
    output: OutputOption = OutputFormat.TABLE,
    context: ContextOption = "",
) -> None:
    """Create or change what YAML files describe.

    All of it, or nothing when one document is wrong. It says which fields change, and which of them need a restart.
    \b
    A file holds documents separated by `---`, each with one root key: project, instance_type, compute_cluster,
    nodepool, model, model_version or deployment. Their order does not matter.
    \b
    Examples:
      homeport apply -f examples/deployment.yaml
      homeport apply -f fleet/ --dry-run
      homeport apply -f deployment_config.yaml --create-missing --watch
      homeport get deployment/chat -o yaml | sed 's/max_replicas: 1/max_replicas: 3/' | homeport apply -f -
    """
    from homeport.client.documents import read_documents, with_source

    documents = read_documents(where)
    with connect(context) as client:
        try:
            plains = [document.plain for document in documents]
            results = client.apply(plains, dry_run=dry_run, create_missing=create_missing)
        except HomeportError as error:
            raise with_source(error, documents) from None
        if output is OutputFormat.TABLE:
            _print_results(results, dry_run)
        else:
            print_plain([result.to_plain() for result in results], output)
        _note_recorded(results)
        if watch and not dry_run:
            from homeport.cli.settling import watch_until_settled

            watch_until_settled(client, [each.id for each in results if each.kind == "deployment"], output)


def _print_results(results: "list[Applied]", dry_run: bool) -> None:
    from homeport.cli.changes import change_lines
    from homeport.cli.explain import forecast_lines

    suffix = " (dry run)" if dry_run else ""
    for result in results:
        print(f"{result.kind}/{result.id} {paint(result.action, _COLOURS.get(result.action, ''))}{suffix}")
        for line in change_lines(result.changes):
            print(line)
        for line in forecast_lines(result.forecast) if result.forecast else ():
            print(f"  {line}")


def _note_recorded(results: "list[Applied]") -> None:
    fields = sorted({f"{result.kind}.{field}" for result in results for field in result.recorded})
    if fields:
        sys.stderr.write(f"note: kept, but without effect in this release: {', '.join(fields)}\n")

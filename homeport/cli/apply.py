"""`homeport apply`: make it so."""

from dataclasses import asdict
from typing import Annotated

import typer

from homeport.cli.connect import connect
from homeport.cli.options import ContextOption, OutputFormat, OutputOption
from homeport.cli.output import print_plain
from homeport.core.errors import HomeportError


def apply(
    where: Annotated[
        str,
        typer.Option("--file", "-f", metavar="FILE|DIR|-", help="A YAML file, a folder of them, or standard input."),
    ],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check, and say what would change, without changing it.")
    ] = False,
    output: OutputOption = OutputFormat.TABLE,
    context: ContextOption = "",
) -> None:
    """Create or change what YAML files describe.

    All of it, or nothing when one document is wrong.
    \b
    A file holds documents separated by `---`, each with one root key: compute_cluster, nodepool, model,
    model_version or deployment.
    \b
    Examples:
      homeport apply -f examples/deployment.yaml
      homeport apply -f fleet/ --dry-run
      homeport get deployment/chat -o yaml | sed 's/max_replicas: 1/max_replicas: 3/' | homeport apply -f -
    """
    from homeport.cli.documents import read_documents, with_source

    documents = read_documents(where)
    with connect(context) as client:
        try:
            results = client.apply([document.plain for document in documents], dry_run=dry_run)
        except HomeportError as error:
            raise with_source(error, documents) from None
    if output is not OutputFormat.TABLE:
        print_plain([asdict(result) for result in results], output)
        return
    suffix = " (dry run)" if dry_run else ""
    for result in results:
        print(f"{result.kind}/{result.id} {result.action}{suffix}")

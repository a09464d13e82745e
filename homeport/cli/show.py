"""Objects on standard output: as a table, as JSON, or as YAML that `homeport apply` takes."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from homeport.cli.nouns import Noun
from homeport.cli.options import OutputFormat
from homeport.cli.output import print_documents, print_plain, print_table

if TYPE_CHECKING:
    from homeport.client.resource import Resource


def print_resources(noun: Noun, found: "Sequence[Resource]", output: OutputFormat) -> None:
    if output is OutputFormat.JSON:
        print_plain([resource.to_plain() for resource in found], output)
    elif output is OutputFormat.YAML:
        print_documents([document(noun, resource) for resource in found])
    else:
        from homeport.cli.columns import COLUMNS

        columns = COLUMNS[noun.kind]
        rows = [[value(resource) for _, value in columns] for resource in found]
        print_table([header for header, _ in columns], rows, empty=f"no {noun.word}s yet")


def print_one(noun: Noun, resource: "Resource", output: OutputFormat) -> None:
    print_plain(resource.to_plain() if output is OutputFormat.JSON else document(noun, resource), output)


def document(noun: Noun, resource: "Resource") -> dict[str, Any]:
    """What `homeport apply` takes; kinds that it does not take are shown whole."""
    return {noun.root: resource.spec} if noun.root else resource.to_plain()

"""`homeport project`: who models and deployments belong to."""

from typing import Annotated

import typer

from homeport.cli import objects
from homeport.cli.grammar import noun
from homeport.cli.nouns import PROJECT
from homeport.cli.options import (
    Chosen,
    ContextOption,
    DescriptionOption,
    FileOption,
    LabelledOption,
    LabelOption,
    LimitOption,
    OutputFormat,
    OutputOption,
    SearchOption,
    Shown,
    SortOption,
    WatchOption,
    given,
    pairs,
)
from homeport.cli.shared_verbs import add_delete, add_get
from homeport.cli.spec_source import spec_from

app = noun("Who models and deployments belong to. Nodepools can be dedicated to a project.")


@app.command("create")
def create(
    project: Annotated[str, typer.Argument(metavar="PROJECT", help="The new project's id.")] = "",
    description: DescriptionOption = "",
    label: LabelOption = None,
    file: FileOption = "",
    output: OutputOption = OutputFormat.TABLE,
    context: ContextOption = "",
) -> None:
    """Create a project, from flags or from a file.

    \b
    Examples:
      homeport project create vision --description "Everything with pictures"
      homeport project create -f project.yaml
    """
    flags = given(description=description, labels=pairs(label, "--label"))
    spec = spec_from(file, PROJECT.root, {"id": project} if project else {}, flags, "PROJECT")
    objects.create_object(PROJECT, spec, Shown(output, context=context))


@app.command("list")
def list_(
    label: LabelledOption = None,
    search: SearchOption = "",
    sort: SortOption = "",
    limit: LimitOption = None,
    watch: WatchOption = False,
    output: OutputOption = OutputFormat.TABLE,
    context: ContextOption = "",
) -> None:
    """List projects.

    \b
    Example:
      homeport project list
    """
    objects.list_objects(PROJECT, Shown(output, watch, context), Chosen(limit, sort, search, label))


add_get(app, PROJECT, "Show one project.", "homeport project get vision")
add_delete(app, PROJECT, "Delete a project that nothing belongs to any more.", "homeport project delete vision")

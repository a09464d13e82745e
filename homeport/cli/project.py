"""`homeport project`: who models and deployments belong to."""

from typing import Annotated

import typer

from homeport.cli import objects
from homeport.cli.completing import ids_of
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
    YesOption,
    given,
    pairs,
)
from homeport.cli.spec_source import spec_from

app = noun("Who models and deployments belong to. Nodepools can be dedicated to a project.")
ProjectId = Annotated[str, typer.Argument(metavar="PROJECT", help="The project's id.", autocompletion=ids_of(PROJECT))]


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


@app.command("get")
def get(
    project: ProjectId,
    watch: WatchOption = False,
    output: OutputOption = OutputFormat.TABLE,
    context: ContextOption = "",
) -> None:
    """Show one project.

    \b
    Example:
      homeport project get vision
    """
    objects.get_object(PROJECT, project, Shown(output, watch, context))


@app.command("delete")
def delete(project: ProjectId, yes: YesOption = False, context: ContextOption = "") -> None:
    """Delete a project that nothing belongs to any more.

    \b
    Example:
      homeport project delete vision
    """
    objects.delete_object(PROJECT, project, yes, context)

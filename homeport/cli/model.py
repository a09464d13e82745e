"""`homeport model`: what to serve."""

from typing import Annotated

import typer

from homeport.cli import model_version, objects
from homeport.cli.grammar import noun
from homeport.cli.nouns import MODEL
from homeport.cli.options import (
    Chosen,
    ContextOption,
    DescriptionOption,
    FileOption,
    LabelledOption,
    LimitOption,
    OutputFormat,
    OutputOption,
    ProjectOption,
    SearchOption,
    Shown,
    SortOption,
    WatchOption,
    given,
)
from homeport.cli.shared_verbs import add_delete, add_get
from homeport.cli.spec_source import spec_from

app = noun("Models and their immutable versions.")
app.add_typer(model_version.app, name="version")


@app.command("create")
def create(
    model_id: Annotated[str, typer.Argument(metavar="MODEL", help="The new model's id.")] = "",
    default_deployment: Annotated[
        str, typer.Option(help="The deployment that answers when a request names the model and several serve it.")
    ] = "",
    deploy_restriction: Annotated[
        str, typer.Option(help="NO_LIMITS, SHARED_COMPUTE_ONLY or DEDICATED_COMPUTE_ONLY.")
    ] = "",
    project: ProjectOption = "",
    description: DescriptionOption = "",
    file: FileOption = "",
    output: OutputOption = OutputFormat.TABLE,
    context: ContextOption = "",
) -> None:
    """Create a model, from flags or from a file. Its versions say how to run it.

    \b
    Examples:
      homeport model create whisper --description "Speech to text"
      homeport model create -f model/config.yaml
    """
    flags = given(
        description=description,
        default_deployment=default_deployment,
        deploy_restriction=deploy_restriction,
        project=project,
    )
    spec = spec_from(file, MODEL.root, {"id": model_id} if model_id else {}, flags, "MODEL")
    objects.create_object(MODEL, spec, Shown(output, context=context))


@app.command("list")
def list_(
    project: Annotated[str, typer.Option(help="Only those of this project.")] = "",
    label: LabelledOption = None,
    search: SearchOption = "",
    sort: SortOption = "",
    limit: LimitOption = None,
    watch: WatchOption = False,
    output: OutputOption = OutputFormat.TABLE,
    context: ContextOption = "",
) -> None:
    """List models.

    \b
    Example:
      homeport model list
    """
    objects.list_objects(MODEL, Shown(output, watch, context), Chosen(limit, sort, search, label, {"project": project}))


add_get(app, MODEL, "Show one model.", "homeport model get smollm2")
add_delete(app, MODEL, "Delete a model that has no versions any more.", "homeport model delete whisper")

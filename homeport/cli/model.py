"""`homeport model`: what to serve."""

from typing import Annotated

import typer

from homeport.cli import model_version, objects
from homeport.cli.options import (
    ContextOption,
    DescriptionOption,
    FileOption,
    OutputFormat,
    OutputOption,
    YesOption,
    given,
)
from homeport.cli.spec_source import spec_from

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Models and their immutable versions.")
app.add_typer(model_version.app, name="version")
ModelId = Annotated[str, typer.Argument(metavar="MODEL", help="The model's id.")]


@app.command("create")
def create(
    model_id: Annotated[str, typer.Argument(metavar="MODEL", help="The new model's id.")] = "",
    default_deployment: Annotated[
        str, typer.Option(help="The deployment that answers when a request names the model and several serve it.")
    ] = "",
    description: DescriptionOption = "",
    file: FileOption = "",
    output: OutputOption = OutputFormat.TABLE,
    context: ContextOption = "",
) -> None:
    """Create a model, from flags or from a file. Its versions say how to run it.

    \b
    Examples:
      homeport model create whisper --description "Speech to text"
      homeport model create -f model.yaml
    """
    flags = given(description=description, default_deployment=default_deployment)
    spec = spec_from(file, objects.MODEL.root, {"id": model_id} if model_id else {}, flags, "MODEL")
    objects.create_object(objects.MODEL, spec, output, context)


@app.command("list")
def list_(output: OutputOption = OutputFormat.TABLE, context: ContextOption = "") -> None:
    """List models.

    \b
    Example:
      homeport model list
    """
    objects.list_objects(objects.MODEL, output, context)


@app.command("get")
def get(model_id: ModelId, output: OutputOption = OutputFormat.TABLE, context: ContextOption = "") -> None:
    """Show one model.

    \b
    Example:
      homeport model get smollm2
    """
    objects.get_object(objects.MODEL, model_id, output, context)


@app.command("delete")
def delete(model_id: ModelId, yes: YesOption = False, context: ContextOption = "") -> None:
    """Delete a model that has no versions any more.

    \b
    Example:
      homeport model delete whisper
    """
    objects.delete_object(objects.MODEL, model_id, yes, context)

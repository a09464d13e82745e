"""`homeport get`, `edit` and `delete`: any object by KIND/ID."""

from typing import Annotated

import typer

from homeport.cli.completing import references
from homeport.cli.options import ContextOption, OutputFormat, OutputOption, Shown, WatchOption, YesOption

Reference = Annotated[
    str,
    typer.Argument(
        metavar="KIND/ID",
        help="For instance deployment/smollm2-chat or nodepool/office/gpu.",
        autocompletion=references,
    ),
]


def get(
    reference: Reference,
    watch: WatchOption = False,
    output: OutputOption = OutputFormat.TABLE,
    context: ContextOption = "",
) -> None:
    """Show any object.

    \b
    Examples:
      homeport get deployment/smollm2-chat --watch
      homeport get version/smollm2/v1 -o yaml > version.yaml
    """
    from homeport.cli.nouns import split_reference
    from homeport.cli.objects import get_object

    noun, object_id = split_reference(reference)
    get_object(noun, object_id, Shown(output, watch, context))


def edit(
    reference: Reference,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would change, without changing it.")] = False,
    context: ContextOption = "",
) -> None:
    """Change an object in your editor ($VISUAL, $EDITOR or vi).

    Only what you change is sent. If somebody else changed the object meanwhile, both sides are shown and nothing is
    overwritten.

    \b
    Examples:
      homeport edit deployment/smollm2-chat
      EDITOR=nano homeport edit nodepool/office/gpu --dry-run
    """
    from homeport.cli.edit import edit_object
    from homeport.cli.nouns import editable, split_reference

    noun, object_id = split_reference(reference)
    edit_object(editable(noun), object_id, dry_run, context)


def delete(reference: Reference, yes: YesOption = False, context: ContextOption = "") -> None:
    """Delete any object, after asking.

    It says what will stop, and wants the object's name typed in.

    \b
    Examples:
      homeport delete deployment/smollm2-chat
      homeport delete nodepool/office/gpu --yes
    """
    from homeport.cli.nouns import split_reference
    from homeport.cli.objects import delete_object

    noun, object_id = split_reference(reference)
    delete_object(noun, object_id, yes, context)

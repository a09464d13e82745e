"""`homeport get` and `homeport delete`: any object by KIND/ID."""

from typing import Annotated

import typer

from homeport.cli.options import ContextOption, OutputFormat, OutputOption, YesOption

Reference = Annotated[
    str, typer.Argument(metavar="KIND/ID", help="For instance deployment/smollm2-chat or nodepool/office/gpu.")
]


def get(reference: Reference, output: OutputOption = OutputFormat.TABLE, context: ContextOption = "") -> None:
    """Show any object.

    \b
    Examples:
      homeport get deployment/smollm2-chat
      homeport get version/smollm2/v1 -o yaml > version.yaml
    """
    from homeport.cli.objects import get_object, split_reference

    noun, object_id = split_reference(reference)
    get_object(noun, object_id, output, context)


def delete(reference: Reference, yes: YesOption = False, context: ContextOption = "") -> None:
    """Delete any object, after asking.

    It says what will stop, and wants the object's name typed in.

    \b
    Examples:
      homeport delete deployment/smollm2-chat
      homeport delete nodepool/office/gpu --yes
    """
    from homeport.cli.objects import delete_object, split_reference

    noun, object_id = split_reference(reference)
    delete_object(noun, object_id, yes, context)

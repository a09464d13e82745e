"""`homeport user`: people."""

from typing import Annotated

import typer

from homeport.cli import objects
from homeport.cli.completing import ids_of
from homeport.cli.connect import connect
from homeport.cli.grammar import noun
from homeport.cli.nouns import USER
from homeport.cli.options import (
    Chosen,
    ContextOption,
    FileOption,
    LimitOption,
    OutputFormat,
    OutputOption,
    SearchOption,
    Shown,
    SortOption,
    WatchOption,
    given,
)
from homeport.cli.secret_input import ask, ask_new_password
from homeport.cli.shared_verbs import add_delete, add_get
from homeport.cli.spec_source import spec_from

app = noun("People who use this Homeport.")


@app.command("create")
def create(
    user: Annotated[str, typer.Argument(metavar="USER", help="The new id.")] = "",
    name: Annotated[str, typer.Option("--name", help="As others know this person.")] = "",
    email: Annotated[str, typer.Option("--email")] = "",
    file: FileOption = "",
    output: OutputOption = OutputFormat.TABLE,
    context: ContextOption = "",
) -> None:
    """Make a user. It may do nothing until it has a role.

    \b
    Examples:
      homeport user create anna --name "Anna Berg" --email anna@example.com
      homeport role-binding create --role deployer --to user/anna --in project/vision
    """
    flags = given(name=name, email=email)
    spec = spec_from(file, USER.root, {"id": user} if user else {}, flags, "USER")
    objects.create_object(USER, spec, Shown(output, context=context))


@app.command("list")
def list_(
    search: SearchOption = "",
    sort: SortOption = "",
    limit: LimitOption = None,
    watch: WatchOption = False,
    output: OutputOption = OutputFormat.TABLE,
    context: ContextOption = "",
) -> None:
    """List users.

    \b
    Example:
      homeport user list
    """
    chosen = Chosen(limit, sort, search)
    objects.list_objects(USER, Shown(output, watch, context), chosen)


add_get(app, USER, "Show one user.", "homeport user get anna")


@app.command("set-password")
def set_password(
    user: Annotated[
        str, typer.Argument(metavar="[USER]", help="Its id; yourself otherwise.", autocompletion=ids_of(USER))
    ] = "",
    context: ContextOption = "",
) -> None:
    """Set a password: yours or, as an administrator, another's.

    The user's other sessions end. It is asked for; without a terminal it is a line of standard input, after one with
    the current password if it is your own.

    \b
    Examples:
      homeport user set-password anna
      homeport user set-password
    """
    with connect(context) as client:
        kind, _, own_id = client.whoami()["subject"].partition("/")
        target = user or own_id
        if kind != "user" and not user:
            raise typer.BadParameter("a service account has no password; say whose", param_hint="USER")
        current = ask("Current password (empty if there is none)") if (kind, target) == ("user", own_id) else ""
        client.users.set_password(target, ask_new_password(), current or None)
    print(f"password of {target} set")


add_delete(app, USER, "Delete a user, with its tokens and roles.", "homeport user delete anna")

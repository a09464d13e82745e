"""`homeport context`: which Homeport the command talks to."""

from typing import Annotated

import typer

from homeport.cli.options import ContextOption, OutputFormat, OutputOption
from homeport.cli.output import print_plain, print_table

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="""Which Homeport the command talks to.

Contexts stand in ~/.config/homeport/config.yaml. HOMEPORT_CONTEXT, HOMEPORT_API, HOMEPORT_GATEWAY and HOMEPORT_TOKEN
win over the current context; --context wins over them.
""",
)


@app.command("list")
def list_(output: OutputOption = OutputFormat.TABLE) -> None:
    """List contexts; the current one has a star.

    \b
    Example:
      homeport context list
    """
    from homeport.client.contexts import ContextFile

    file = ContextFile.load()
    if output is not OutputFormat.TABLE:
        plain = [
            {"name": c.name, "api": c.api, "gateway": c.gateway, "current": c.name == file.current}
            for c in file.contexts.values()
        ]
        print_plain(plain, output)
        return
    rows = [["*" if c.name == file.current else "", c.name, c.api, c.gateway] for c in file.contexts.values()]
    print_table(["", "NAME", "API", "GATEWAY"], rows, empty="no contexts yet; `homeport dev` makes one")


@app.command("use")
def use(name: Annotated[str, typer.Argument(metavar="NAME", help="The context to make current.")]) -> None:
    """Choose the context that commands use from now on.

    \b
    Example:
      homeport context use dev
    """
    from homeport.client.contexts import ContextFile

    file = ContextFile.load()
    file.put(file.get(name), make_current=True)
    file.save()
    print(f"context {name} is current")


@app.command("show")
def show(output: OutputOption = OutputFormat.TABLE, context: ContextOption = "") -> None:
    """Show the context in use, environment included. The token stays hidden.

    \b
    Examples:
      homeport context show
      HOMEPORT_CONTEXT=dev homeport context show
    """
    from homeport.client.contexts import config_path, resolve_context

    found = resolve_context(context or None)
    plain = {"name": found.name, "api": found.api, "gateway": found.gateway, "token": _hidden(found.token)}
    if output is not OutputFormat.TABLE:
        print_plain(plain, output)
        return
    for key, value in {**plain, "file": str(config_path())}.items():
        print(f"{key + ':':<9}{value}")


def _hidden(token: str) -> str:
    """Enough to tell two tokens apart: everything but the secret."""
    return ".".join([*token.split(".")[:2], "..."]) if token.startswith("hp1.") else "..."

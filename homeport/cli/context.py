"""`homeport context`: which Homeport the command talks to."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from homeport.cli.confirm import confirm
from homeport.cli.grammar import noun
from homeport.cli.options import ContextOption, OutputFormat, OutputOption, YesOption
from homeport.cli.output import print_plain, print_table
from homeport.core.errors import ErrorCode, HomeportError

app = noun(
    """Which Homeport the command talks to.

Contexts stand in ~/.config/homeport/config.yaml. HOMEPORT_CONTEXT, HOMEPORT_API, HOMEPORT_GATEWAY, HOMEPORT_TOKEN
and HOMEPORT_CA_FILE win over the current context; --context wins over them.
"""
)


@app.command("create")
def create(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The new context's name.")],
    api: Annotated[str, typer.Option(metavar="URL", help="The control plane's API.")],
    gateway: Annotated[str, typer.Option(metavar="URL", help="Where requests to deployments go.")],
    token_file: Annotated[
        str, typer.Option(metavar="FILE", help="Holds the access token; - reads standard input.")
    ] = "-",
    ca_file: Annotated[
        str, typer.Option(metavar="FILE", help="Trust this CA instead of the system's (DATA_DIR/ca.crt).")
    ] = "",
) -> None:
    """Remember another Homeport, and talk to it from now on.

    \b
    Example:
      ssh control cat /var/lib/homeport-server/admin-token | \\
        homeport context create prod --api https://control:8080 --gateway https://control:8000 --ca-file ca.crt
    """
    from homeport.client.contexts import Context, ContextFile

    file = ContextFile.load()
    if name in file.contexts:
        raise HomeportError(
            ErrorCode.ALREADY_EXISTS, f"there is a context {name}", hint=f"homeport context delete {name}"
        )
    addresses = checked_address(api, "--api"), checked_address(gateway, "--gateway")
    file.put(Context(name, *addresses, _token(token_file), trusted_ca(ca_file)), make_current=True)
    file.save()
    print(f"context {name} created; it is current")


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
    if found.ca_file:
        plain["ca_file"] = found.ca_file
    if output is not OutputFormat.TABLE:
        print_plain(plain, output)
        return
    for key, value in {**plain, "file": str(config_path())}.items():
        print(f"{key + ':':<9}{value}")


@app.command("delete")
def delete(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The context to forget.")], yes: YesOption = False
) -> None:
    """Forget a context. Nothing on its Homeport changes.

    \b
    Example:
      homeport context delete prod
    """
    from homeport.client.contexts import ContextFile

    file = ContextFile.load()
    file.get(name)
    if not yes:
        confirm(f"forget context {name}", lambda: ["Its access token is forgotten with it."], name)
    file.remove(name)
    file.save()
    print(f"context {name} deleted")


def checked_address(text: str, option: str) -> str:
    """Without a slash at the end. A usage error for what is no http address."""
    if not text.startswith(("http://", "https://")) or not text.partition("://")[2]:
        raise typer.BadParameter(f"{text!r} is not of the form http://HOST:PORT", param_hint=option)
    return text.rstrip("/")


def _token(file: str) -> str:
    try:
        token = (sys.stdin.read() if file == "-" else Path(file).read_text()).strip()
    except OSError as error:
        raise HomeportError(ErrorCode.NOT_FOUND, f"cannot read {file}: {error.strerror}") from None
    if not token or len(token.split()) != 1:
        raise HomeportError(
            ErrorCode.INVALID_ARGUMENT, "there is not exactly one word, the access token, in it", path=file
        )
    return token


def trusted_ca(ca_file: str) -> str:
    """Its absolute path, once it is seen to hold certificates."""
    if not ca_file:
        return ""
    from homeport.client.transport import trusting

    path = str(Path(ca_file).expanduser().absolute())
    trusting(path)
    return path


def _hidden(token: str) -> str:
    """Enough to tell two tokens apart: everything but the secret."""
    if not token:
        return "none: homeport login"
    return ".".join([*token.split(".")[:2], "..."]) if token.startswith("hp1.") else "..."

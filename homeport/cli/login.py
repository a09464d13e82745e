"""`homeport login` and `homeport logout`: who one is, from now on."""

import os
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from homeport.cli.options import ContextOption
from homeport.cli.secret_input import ask
from homeport.core.errors import ErrorCode, HomeportError

if TYPE_CHECKING:
    from homeport.client.contexts import Context, ContextFile

_FIRST = "default"


def login(
    user: Annotated[str, typer.Option("--user", "-u", metavar="USER", help="Your id; asked for otherwise.")] = "",
    sso: Annotated[bool, typer.Option("--sso", help="Sign in at your OpenID provider, with any browser.")] = False,
    token: Annotated[bool, typer.Option("--token", help="Use an access token that you have.")] = False,
    api: Annotated[str, typer.Option("--api", metavar="URL", help="The control plane's API, of a new context.")] = "",
    ca_file: Annotated[str, typer.Option("--ca-file", metavar="FILE", help="The CA to trust, of a new context.")] = "",
    context: ContextOption = "",
) -> None:
    """Sign in, and remember it in the current context or in a new one.

    A password, token or code is asked for; without a terminal it is the first line of standard input.

    \b
    Examples:
      homeport login --api https://control:8080 --user anna
      homeport login --sso
      cat token.txt | homeport login --token
    """
    if sso and token:
        raise typer.BadParameter("--sso and --token are two ways; choose one", param_hint="--token")
    from homeport.client.blocking import run
    from homeport.client.contexts import ContextFile
    from homeport.client.sign_in import sign_in, sign_in_methods

    file = ContextFile.load()
    target = _target(file, context, api, ca_file)
    if target.name not in file.contexts:
        target = replace(target, gateway=run(sign_in_methods(target))["gateway_url"])
    if token:
        found = _by_token(target)
    elif sso:
        found = _by_sso(target)
    else:
        who = user or ask("User", hidden=False)
        found = run(sign_in(target, who, ask("Password")))
    file.put(replace(target, token=found["token"]), make_current=True)
    file.save()
    print(f"signed in as {found['subject']}{_until(found['expires_at'])}, in context {target.name}")


def logout(context: ContextOption = "") -> None:
    """End your session, and forget its token.

    \b
    Example:
      homeport logout
    """
    from homeport.client.blocking import run
    from homeport.client.contexts import ContextFile
    from homeport.client.sign_in import sign_out

    file = ContextFile.load()
    target = file.get(context or file.current)
    said = "signed out"
    if target.token:
        try:
            run(sign_out(target))
        except HomeportError as error:
            if error.code is ErrorCode.CONFLICT:
                said = f"the access token is forgotten here; {error.hint}"
            elif error.code is not ErrorCode.UNAUTHENTICATED:
                raise
    file.put(replace(target, token=""))
    file.save()
    print(f"{said} (context {target.name})")


def _target(file: "ContextFile", context: str, api: str, ca_file: str) -> "Context":
    """The context to sign in to. Raises when what is stored there would not be used."""
    from homeport.cli.context import checked_address, trusted_ca
    from homeport.client.contexts import Context

    in_the_way = [name for name in ("HOMEPORT_API", "HOMEPORT_TOKEN") if os.environ.get(name)]
    if in_the_way and not context:
        raise HomeportError(
            ErrorCode.INVALID_ARGUMENT,
            f"{' and '.join(in_the_way)} would win over the context in which this is remembered",
            hint=f"unset {' '.join(in_the_way)}, or say --context NAME",
        )
    name = context or os.environ.get("HOMEPORT_CONTEXT") or file.current
    if name in file.contexts and not api and not ca_file:
        return file.contexts[name]
    if not api and (context or file.contexts):
        return file.get(name)
    if name in file.contexts:
        raise HomeportError(
            ErrorCode.ALREADY_EXISTS,
            f"context {name} is there, and has addresses of its own",
            hint="leave --api and --ca-file out to sign in there, or make another one with --context NAME",
        )
    given = {"api": checked_address(api, "--api")} if api else {}
    return Context(name or _FIRST, **given, ca_file=trusted_ca(ca_file))


def _by_token(target: "Context") -> dict[str, Any]:
    from homeport.client.sync_client import Client

    text = ask("Access token").strip()
    with Client(replace(target, token=text)) as client:
        return {**client.whoami(), "token": text}


def _by_sso(target: "Context") -> dict[str, Any]:
    """By a code to paste, since this command may run on a machine that no browser can reach."""
    from homeport.client.blocking import run
    from homeport.client.sign_in import SsoSignIn, sign_in_methods

    if run(sign_in_methods(target))["sso"] is None:
        raise HomeportError(
            ErrorCode.NOT_FOUND,
            f"{target.api} knows no OpenID provider",
            hint="sign in with a password: homeport login --user USER",
        )
    signing_in = SsoSignIn.begin(target)
    print(f"Open this in a browser, sign in, and paste the code that it shows:\n\n  {signing_in.address}\n", flush=True)
    return run(signing_in.finish(ask("Code", hidden=False).strip()))


def _until(expires_at: float | None) -> str:
    return "" if expires_at is None else time.strftime(" until %Y-%m-%d %H:%M", time.localtime(expires_at))

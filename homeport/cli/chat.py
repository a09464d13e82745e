"""`homeport chat`: talk to a deployment through the gateway."""

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from homeport.cli.completing import ids_of
from homeport.cli.connect import connect
from homeport.cli.nouns import DEPLOYMENT
from homeport.cli.options import ContextOption
from homeport.cli.paint import QUIET, paint

if TYPE_CHECKING:
    from homeport.client.sync_client import Client


def chat(
    deployment: Annotated[
        str,
        typer.Argument(
            metavar="DEPLOYMENT", help="Which deployment (or model) answers.", autocompletion=ids_of(DEPLOYMENT)
        ),
    ],
    message: Annotated[str, typer.Argument(metavar="MESSAGE", help="Without it: a conversation.")] = "",
    system: Annotated[str, typer.Option(help="How the model shall behave.")] = "",
    max_tokens: Annotated[int | None, typer.Option(min=1, help="Longest answer.")] = None,
    temperature: Annotated[float | None, typer.Option(min=0.0, max=2.0, help="0 = always the likeliest word.")] = None,
    context: ContextOption = "",
) -> None:
    """Talk to a deployment.

    The answer is printed as it comes. Without a message: a conversation, ended by Ctrl-D.

    \b
    Examples:
      homeport chat smollm2-chat "Why is the sky blue?"
      homeport chat smollm2-chat --max-tokens 64
      git diff | homeport chat smollm2-chat
    """
    history: list[dict[str, str]] = [{"role": "system", "content": system}] if system else []
    limits = {"max_tokens": max_tokens, "temperature": temperature}
    options = {key: value for key, value in limits.items() if value is not None}
    if not message and not sys.stdin.isatty():
        message = sys.stdin.read().strip()
        if not message:
            raise typer.BadParameter("standard input is empty", param_hint="MESSAGE")
    with connect(context) as client:
        if message:
            _answer(client, deployment, history, message, options)
        else:
            _converse(client, deployment, history, options)


def _converse(client: "Client", deployment: str, history: list[dict[str, str]], options: dict[str, Any]) -> None:
    import readline  # noqa: F401  gives input() line editing and history

    print(f"Talking to {deployment}. Ctrl-D ends it.")
    while True:
        try:
            message = input("> ").strip()
        except EOFError:
            print()
            return
        if message:
            _answer(client, deployment, history, message, options)


def _answer(
    client: "Client", deployment: str, history: list[dict[str, str]], message: str, options: dict[str, Any]
) -> None:
    history.append({"role": "user", "content": message})
    pieces: list[str] = []
    try:
        for text in client.chat(deployment, history, on_waiting=_say_waiting, **options):
            if not pieces:
                _say_waiting("")
            pieces.append(text)
            print(text, end="", flush=True)
    finally:
        if not pieces:
            _say_waiting("")
    print()
    history.append({"role": "assistant", "content": "".join(pieces)})


def _say_waiting(text: str) -> None:
    """In place, for somebody who looks; empty once it is over."""
    if sys.stderr.isatty():
        print(f"\r\x1b[K{paint(text, QUIET, sys.stderr)}", end="", file=sys.stderr, flush=True)

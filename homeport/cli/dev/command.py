"""The `homeport dev` command line."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from homeport.core.errors import HomeportError


def dev(
    data_dir: Annotated[
        Path | None, typer.Option(help="Database, CA, agent state and logs (default ~/.local/share/homeport/dev).")
    ] = None,
    once: Annotated[bool, typer.Option("--once", help="Stream one answer, print timings, stop everything.")] = False,
    keep: Annotated[bool, typer.Option("--keep", help="Leave the models running at the end.")] = False,
    message: Annotated[str, typer.Option(metavar="TEXT", help="What --once asks.")] = "Why is the sky blue?",
    api_port: Annotated[int, typer.Option(min=1, max=65_535, help="REST API and its docs.")] = 8080,
    gateway_port: Annotated[int, typer.Option(min=1, max=65_535, help="Inference.")] = 8000,
    enroll_port: Annotated[int, typer.Option(min=1, max=65_535, help="Where agents join.")] = 8442,
    session_port: Annotated[int, typer.Option(min=1, max=65_535, help="Agents' sessions.")] = 8443,
    tunnel_port: Annotated[int, typer.Option(min=1, max=65_535, help="Agents' tunnels.")] = 8444,
) -> None:
    """Run all of Homeport here, with a sample model.

    It starts a control plane and an agent, deploys a small language model and prints how to use it.

    \b
    Ctrl-C stops everything that was started, models included unless --keep is given; a second Ctrl-C forces it.
    Settings and objects stay in the data directory for the next start.
    \b
    Examples:
      homeport dev
      homeport dev --once --message "Tell me a joke."
      homeport dev --api-port 9080 --gateway-port 9000
    """
    from homeport.cli.dev.child import ChildDied
    from homeport.cli.dev.run import run
    from homeport.cli.dev.settings import DevSettings, Ports

    ports = Ports(api=api_port, gateway=gateway_port, enroll=enroll_port, session=session_port, tunnel=tunnel_port)
    settings = DevSettings.of(data_dir, ports, once=once, keep=keep, message=message)
    try:
        run(settings)
    except HomeportError as error:
        if isinstance(error, ChildDied):
            sys.stderr.writelines(f"  | {line}\n" for line in error.last_lines)
        sys.stderr.write(f"homeport dev: {error}\n")
        raise typer.Exit(1) from None

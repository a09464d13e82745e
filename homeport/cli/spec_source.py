"""What `create` sends: the body of a file's document, or what the flags say."""

from typing import Any

import typer

from homeport.cli.documents import read_spec


def spec_from(file: str, root: str, identity: dict[str, Any], flags: dict[str, Any], argument: str) -> dict[str, Any]:
    """Either a file or flags: mixing them would leave it unclear which wins."""
    if file and (identity or flags):
        raise typer.BadParameter("give either a file or the id and its flags, not both", param_hint="--file")
    if file:
        return read_spec(file, root)
    if not identity:
        raise typer.BadParameter(f"give {argument}, or a file with -f", param_hint=argument)
    return {**identity, **flags}

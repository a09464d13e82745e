"""What `create` sends: the body of a file's document, or what the flags say."""

from typing import Any

import typer

from homeport.client.documents import read_spec


def spec_from(file: str, root: str, identity: dict[str, Any], flags: dict[str, Any], argument: str) -> dict[str, Any]:
    """An id beside a file wins over the file's. Flags beside a file are refused: it would be unclear which wins."""
    if file and flags:
        raise typer.BadParameter("give either a file or flags, not both", param_hint="--file")
    if file:
        return {**read_spec(file, root), **identity}
    if not identity:
        raise typer.BadParameter(f"give {argument}, or a file with -f", param_hint=argument)
    return {**identity, **flags}

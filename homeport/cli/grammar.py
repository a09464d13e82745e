"""NOUN VERB, and the other words for them that people bring along."""

from typing import Any

import typer
from typer.core import TyperGroup

# Of verbs and of nouns. Help shows the words on the right alone.
_VERBS = {"c": "create", "ls": "list", "rm": "delete", "status": "get"}
_NOUNS = {
    "cc": "cluster",
    "computecluster": "cluster",
    "compute-cluster": "cluster",
    "np": "nodepool",
    "dp": "deployment",
    "li": "list-instances",
}


class AliasGroup(TyperGroup):
    aliases = _VERBS

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        return super().get_command(ctx, self.aliases.get(cmd_name, cmd_name))


class NounGroup(AliasGroup):
    aliases = _NOUNS


def noun(help: str) -> typer.Typer:
    """A group whose commands are the verbs of one noun."""
    return typer.Typer(cls=AliasGroup, no_args_is_help=True, rich_markup_mode=None, help=help)

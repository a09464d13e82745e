"""Ids of two parts, as a person writes them."""

from collections.abc import Sequence

import typer


def two_parts(text: str, form: str, *, second_optional: bool = False) -> tuple[str, str]:
    """`office/gpu` -> (office, gpu). A usage error names the expected form."""
    first, _, second = text.partition("/")
    if not first or "/" in second or (not second and not second_optional):
        raise typer.BadParameter(f"{text!r} is not of the form {form}", param_hint=form)
    return first, second


def one_or_two(words: Sequence[str], form: str) -> str:
    """`office/gpu` and `office gpu` are the same."""
    if len(words) > 2:
        raise typer.BadParameter(f"{' '.join(words)!r} is not of the form {form}", param_hint=form)
    return "/".join(two_parts("/".join(words), form))


def nodepool_ref(text: str) -> dict[str, object]:
    cluster, pool = two_parts(text, "CLUSTER/NODEPOOL")
    return {"id": pool, "compute_cluster": {"id": cluster}}

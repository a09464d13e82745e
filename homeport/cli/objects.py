"""The verbs that every noun shares: create, list, get, delete."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from homeport.cli.confirm import confirm
from homeport.cli.connect import connect
from homeport.cli.explain import forecast_lines
from homeport.cli.nouns import JOIN_TOKEN, Noun
from homeport.cli.options import Chosen, OutputFormat, Shown, pairs
from homeport.cli.show import print_one, print_resources
from homeport.core.errors import ErrorCode, HomeportError

if TYPE_CHECKING:
    from homeport.client.resource import Resource
    from homeport.client.sync_client import Client


def create_object(
    noun: Noun,
    spec: dict[str, Any],
    shown: Shown,
    parent: str = "",
    *,
    create_missing: bool = False,
    dry_run: bool = False,
) -> "Resource":
    with connect(shown.context) as client:
        created = noun.collection(client, parent).create(spec, create_missing=create_missing, dry_run=dry_run)
    if shown.output is OutputFormat.TABLE:
        print(f"{noun.word} {created.id} {'would be created' if dry_run else 'created'}")
        for line in forecast_lines(created.forecast) if created.forecast else ():
            print(f"  {line}")
    else:
        print_one(noun, created, shown.output)
    return created


def list_objects(noun: Noun, shown: Shown, chosen: Chosen | None = None, parent: str = "") -> None:
    which = chosen or Chosen()
    labels = pairs(which.labels, "--label")
    filters = {key: value for key, value in {**which.filters, "q": which.search}.items() if value}
    with connect(shown.context) as client:

        def load() -> "list[Resource]":
            collection = noun.collection(client, parent)
            return collection.list(limit=which.limit, sort=which.sort, labels=labels, **filters)

        if shown.watch:
            _follow(client, noun, shown.output, load, lambda found: print_resources(noun, found, shown.output))
        else:
            print_resources(noun, load(), shown.output)


def get_object(noun: Noun, object_id: str, shown: Shown) -> None:
    if noun is JOIN_TOKEN:
        raise HomeportError(
            ErrorCode.INVALID_ARGUMENT,
            "a join token is shown once, when it is made",
            hint="`homeport join-token list` shows which exist",
        )
    with connect(shown.context) as client:

        def show(found: "list[Resource]") -> None:
            if shown.output is not OutputFormat.TABLE:
                print_one(noun, found[0], shown.output)
                return
            from homeport.cli.describe import describe

            describe(client, found[0])

        def load() -> "list[Resource]":
            return [noun.collection(client).get(object_id)]

        if shown.watch:
            _follow(client, noun, shown.output, load, show)
        else:
            show(load())


def delete_object(noun: Noun, object_id: str, yes: bool, context: str) -> None:
    with connect(context) as client:
        collection = noun.collection(client)
        if not yes:
            from homeport.cli.consequences import consequences

            what = f"delete {noun.word} {object_id}"
            confirm(what, lambda: consequences(client, noun, object_id), object_id)
        collection.delete(object_id)
    print(f"{noun.word} {object_id} deleted")


def _follow(
    client: "Client",
    noun: Noun,
    output: OutputFormat,
    load: "Callable[[], list[Resource]]",
    show: "Callable[[list[Resource]], None]",
) -> None:
    from homeport.cli.follow import follow

    follow(client, noun, output, load, show)

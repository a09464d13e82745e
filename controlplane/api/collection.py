"""The routes that all kinds of objects which people write have in common."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from pydantic import BaseModel

from controlplane.api.dependencies import ApiDependencies
from controlplane.api.list_query import ListQuery
from controlplane.api.lists import list_answer, seen_items
from controlplane.api.routing import Answer, Call, Query, Route, somewhere
from controlplane.auth.guard import Guard
from controlplane.auth.places import TO_SEE, TO_WRITE
from controlplane.fleet.accept import Accepted, must_be_new
from controlplane.fleet.dry_run import write
from controlplane.fleet.edit import edit
from controlplane.fleet.impact import impact_answer, impact_of
from controlplane.fleet.kinds import ObjectKind
from controlplane.fleet.missing_parents import create_missing
from controlplane.fleet.references import missing, noun
from controlplane.store.store import Record, Transaction
from controlplane.views.topic import Item
from controlplane.views.views import Views
from homeport.core.access.permission import Permission
from homeport.core.errors import ErrorCode, HomeportError
from homeport.schema.base import Change
from homeport.schema.edited import Impact
from homeport.schema.edits import PatchRequest

CREATE_ERRORS = (ErrorCode.INVALID_ARGUMENT, ErrorCode.NOT_FOUND, ErrorCode.ALREADY_EXISTS, ErrorCode.CONFLICT)
EDIT_ERRORS = (ErrorCode.INVALID_ARGUMENT, ErrorCode.NOT_FOUND, ErrorCode.CONFLICT)
DELETE_ERRORS = (ErrorCode.NOT_FOUND, ErrorCode.IN_USE, ErrorCode.CONFLICT)


class CreateQuery(Query):
    dry_run: bool = False
    """Check everything, write nothing; the answer is what would be."""
    create_missing: bool = False
    """Make the cluster and the nodepools that are named and do not exist."""


class EditQuery(Query):
    dry_run: bool = False
    """Check everything, write nothing; the answer is what would be."""
    force: bool = False
    """`generation` may be left out: the edit is made whatever others have changed meanwhile."""


@dataclass(frozen=True, slots=True)
class Collection:
    """`listing` and `item` are paths; what is in braces makes the object's key, in that order. `complete` puts into a
    body what the path says already."""

    kind: ObjectKind
    tag: str
    listing: str
    item: str
    query: type[ListQuery]
    response: type[BaseModel]
    edited: type[BaseModel]
    complete: Callable[[Any, Mapping[str, str]], Any] = lambda body, path: body
    # None = `response`.
    created: type[BaseModel] | None = None


class CollectionRoutes:
    """List, create, show, edit, delete, and what a deletion would mean."""

    def __init__(self, dependencies: ApiDependencies, views: Views, collection: Collection) -> None:
        self.collection = collection
        self.store = dependencies.store
        self.registry = dependencies.registry
        self.views = views

    def routes(self) -> list[Route]:
        each = self.collection
        tag, item, root, spec = each.tag, each.item, each.kind.root, each.kind.spec
        name = noun(each.kind.kind)
        one = f"{'an' if name[0] in 'aeiou' else 'a'} {name}"
        of_one = (ErrorCode.NOT_FOUND,)
        see, write = TO_SEE[each.kind.kind], TO_WRITE[each.kind.kind]
        return [
            Route("GET", each.listing, self.show_all, tag, f"List {name}s", query=each.query, response=each.response,
                  many=True, errors=of_one if "{" in each.listing else (), permission=see, at=self.at_listing),
            Route("POST", each.listing, self.create, tag, f"Create {one}", body=spec, root=root, query=CreateQuery,
                  status=201, response=each.created or each.response, errors=CREATE_ERRORS, complete=each.complete,
                  permission=write, at=self.at_listing),
            Route("GET", item, self.get, tag, f"Show {one}", response=each.response, errors=of_one, permission=see,
                  at=self.at_item),
            Route("PATCH", item, self.edit, tag, f"Edit {one}: a merge patch (RFC 7396) of its spec",
                  body=PatchRequest, query=EditQuery, response=each.edited, errors=EDIT_ERRORS,
                  permission=write, at=self.at_item),
            Route("DELETE", item, self.delete, tag, f"Delete {one}", status=204, errors=DELETE_ERRORS, permission=write,
                  at=self.at_item),
            Route("GET", f"{item}/impact", self.impact, tag, f"What deleting {one} would mean", response=Impact,
                  errors=of_one, permission=see, at=self.at_item),
        ]  # fmt: skip

    async def show_all(self, call: Call) -> Answer:
        await self.views.refresh()
        items = self.seen(call, self.views.of(self.collection.kind.kind).items())
        return await list_answer(items, call.query, self.views.seq)

    async def create(self, call: Call) -> Answer:
        query: CreateQuery = call.query
        kind, spec, guard = self.collection.kind, call.body, call.guard

        def change(tx: Transaction) -> tuple[Record, Record | None]:
            guard.before_writing(tx, kind.kind, kind.key(spec), spec, kind.root)
            for made in create_missing(tx, spec) if query.create_missing else ():
                guard.after_making(tx, made.record)
            must_be_new(tx, kind.kind, kind.key(spec), kind.root)
            record = kind.accept(tx, spec).record
            return record, self.foreseen_by(tx, record)

        record, seen = await write(self.store, change, query.dry_run)
        return {**await self.shown(record), **await self.forecast(record, seen if query.dry_run else None)}

    async def get(self, call: Call) -> Answer:
        return (await self.find(self.key(call))).text().encode()

    async def edit(self, call: Call) -> Answer:
        request: PatchRequest = call.body
        query: EditQuery = call.query
        key = self.key(call)
        if request.generation is None and not query.force:
            raise HomeportError(
                ErrorCode.INVALID_ARGUMENT,
                "is required: the generation of the object that the edit was made from",
                hint="send the one that GET gave, or ?force=true to edit whatever is there",
                path="generation",
            )

        def change(tx: Transaction) -> tuple[Accepted, Record | None]:
            self.check_writable(tx, key, "edited")
            done = edit(tx, self.collection.kind, key, request.spec, request.generation, call.guard)
            return done, self.foreseen_by(tx, done.record)

        await self.find(key)
        try:
            done, seen = await write(self.store, change, query.dry_run)
        except HomeportError as error:
            if isinstance(error.details.get("current"), Record):
                error.details["current"] = await self.shown(error.details["current"])
            raise
        return {
            **await self.shown(done.record),
            **await self.forecast(done.record, seen if query.dry_run else None),
            "changes": [each.as_plain() for each in done.changes],
            "needs_restart": any(each.change is Change.ROLLOUT for each in done.changes),
        }

    async def delete(self, call: Call) -> Answer:
        key = self.key(call)

        def change(tx: Transaction) -> None:
            self.check_writable(tx, key, "deleted")
            if tx.get(self.collection.kind.kind, key) is None:
                raise missing(self.collection.kind.kind, key, (each.id for each in tx.all(self.collection.kind.kind)))
            self.collection.kind.delete(tx, key)

        await self.find(key)
        await self.store.write(change)
        return None

    async def impact(self, call: Call) -> Answer:
        item = await self.find(self.key(call))
        impact = impact_of(self.store, self.registry, self.collection.kind.kind, item.id)
        return impact_answer(impact, partial(call.guard.seen, self.store))

    def at_item(self, guard: Guard, permission: Permission, path: Mapping[str, str]) -> None:
        guard.must(permission, self.store, self.collection.kind.kind, "/".join(path.values()))

    def at_listing(self, guard: Guard, permission: Permission, path: Mapping[str, str]) -> None:
        somewhere(guard, permission, path)

    def seen(self, call: Call, items: list[Item]) -> list[Item]:
        """Those that the caller may see."""
        return seen_items(call.guard, self.store, self.collection.kind.kind, items)

    def foreseen_by(self, tx: Transaction, record: Record) -> Record | None:
        """What a forecast needs of a transaction that may be undone."""
        return None

    async def forecast(self, record: Record, seen: Record | None) -> dict[str, Any]:
        """What is told of a write beside the object: of a dry run what would come of it. `seen` is what `foreseen_by`
        gave; None when it was no dry run."""
        return {}

    def check_writable(self, tx: Transaction, key: str, what: str) -> None:
        """Raises when `what` can't be done to an object that is shown and exists."""

    def key(self, call: Call) -> str:
        return "/".join(call.path.values())

    async def find(self, key: str) -> Item:
        """Raises NOT_FOUND with near matches."""
        await self.views.refresh()
        kind = self.collection.kind.kind
        item = self.views.of(kind).get(key)
        if item is None:
            raise missing(kind, key, self.views.of(kind).ids())
        return item

    async def shown(self, record: Record) -> dict[str, Any]:
        """As it was written, with how things stand now."""
        await self.views.catch_up()
        return self.views.show(record)

"""Objects of one kind over the API."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

from pydantic import BaseModel

from homeport.client.paging import each_item, listing_params
from homeport.client.paths import KindPath
from homeport.client.resource import Edited, Resource
from homeport.client.transport import Transport

Spec = BaseModel | Mapping[str, Any]


class Collection:
    """Objects of one kind. Ids are written as in the CLI: `nodepools.get("office/gpu")`."""

    def __init__(self, transport: Transport, path: KindPath, parent: str = "") -> None:
        self._transport = transport
        self._path = path
        self._parent = parent

    async def list(
        self,
        *,
        limit: int | None = None,
        sort: str = "",
        labels: Mapping[str, str] | None = None,
        **filters: str,
    ) -> list[Resource]:
        """All of them, or the first `limit`. `sort` is a field, `-` before it turns it round: `-created_at`.

        Filters are the API's query parameters: `nodes.list(nodepool="office/gpu")`; `q` searches. Pages are read as
        needed, so the answer is not of one moment where others write meanwhile.
        """
        return [resource async for resource in self.each(limit=limit, sort=sort, labels=labels, **filters)]

    async def each(
        self,
        *,
        limit: int | None = None,
        sort: str = "",
        labels: Mapping[str, str] | None = None,
        **filters: str,
    ) -> AsyncIterator[Resource]:
        """As `list`, one by one, for lists that need not be in memory at once."""
        params = listing_params(sort, labels, filters)
        async for plain in each_item(self._transport, self._path.listing_path(self._parent), params, limit):
            yield Resource.from_plain(plain)

    async def get(self, object_id: str) -> Resource:
        return Resource.from_plain(await self._transport.call("GET", self._path.item_path(object_id)))

    async def create(self, spec: Spec, *, dry_run: bool = False, create_missing: bool = False) -> Resource:
        """`spec` is an object of homeport.schema or the same as a mapping. Raises ALREADY_EXISTS.

        `create_missing` makes the cluster and the nodepools that it names on the way.
        """
        answer = await self._transport.call(
            "POST",
            self._path.listing_path(self._parent),
            params=flags(dry_run=dry_run, create_missing=create_missing),
            body=plain_spec(spec),
            repeatable=dry_run,
        )
        return Resource.from_plain(answer)

    async def edit(
        self, object_id: str, patch: Mapping[str, Any], *, generation: int | None = None, dry_run: bool = False
    ) -> Edited:
        """`patch` is a merge patch of the spec: only what changes; None removes a key, a list is replaced whole.

        With the `generation` that was read, an edit of somebody else in between is a CONFLICT whose `details` hold
        `current` and `conflicts` [{path, yours, theirs}]; without it the last writer wins.
        """
        body: dict[str, Any] = {"spec": dict(patch)}
        if generation is not None:
            body["generation"] = generation
        params = flags(dry_run=dry_run, force=generation is None)
        path = self._path.item_path(object_id)
        answer = await self._transport.call("PATCH", path, params=params, body=body, repeatable=dry_run)
        return Edited.from_plain(answer)

    async def impact(self, object_id: str) -> dict[str, Any]:
        """What deleting it would mean: `stops` (counts by kind), `objects` that go too, `blocked_by`."""
        return await self._transport.call("GET", f"{self._path.item_path(object_id)}/impact")

    async def delete(self, object_id: str) -> None:
        """Raises IN_USE while other objects depend on it."""
        await self._transport.call("DELETE", self._path.item_path(object_id))

    async def _do(self, object_id: str, verb: str, body: Mapping[str, Any], *, repeatable: bool) -> Resource:
        path = f"{self._path.item_path(object_id)}/{verb}"
        return Resource.from_plain(await self._transport.call("POST", path, body=dict(body), repeatable=repeatable))


class NodeCollection(Collection):
    async def lock(self, object_id: str, reason: str = "", *, stop_models: bool = False) -> Resource:
        """Its agent is turned away within a second; what runs there runs on unless `stop_models`."""
        body = {"reason": reason, "stop_models": stop_models}
        return await self._do(object_id, "lock", body, repeatable=True)

    async def unlock(self, object_id: str) -> Resource:
        return await self._do(object_id, "unlock", {}, repeatable=True)

    async def approve(self, object_id: str) -> Resource:
        """Lets a node in that waits for it, or the agent that was turned away as a copy of it. Raises CONFLICT."""
        return await self._do(object_id, "approve", {}, repeatable=False)

    async def reject(self, object_id: str) -> None:
        """Forgets a node that waits to be let in; keeps out what was turned away as a copy. Raises CONFLICT."""
        await self._transport.call("POST", f"{self._path.item_path(object_id)}/reject", body={})

    async def cordon(self, object_id: str, reason: str = "") -> Resource:
        """It gets no new replicas; what runs there runs on."""
        return await self._do(object_id, "cordon", {"reason": reason}, repeatable=True)

    async def uncordon(self, object_id: str) -> Resource:
        return await self._do(object_id, "uncordon", {}, repeatable=True)

    async def drain(
        self, object_id: str, reason: str = "", *, deadline_seconds: float = 600, force: bool = False
    ) -> Resource:
        """Its replicas move elsewhere, each ready there before it is let go. With `force` whatever is left at the
        deadline is let go, too."""
        body = {"reason": reason, "deadline_seconds": deadline_seconds, "force": force}
        return await self._do(object_id, "drain", body, repeatable=True)

    async def undrain(self, object_id: str) -> Resource:
        return await self._do(object_id, "undrain", {}, repeatable=True)

    async def clear_gpu(self, object_id: str, uuid: str) -> Resource:
        """A GPU that failed takes replicas again. Raises CONFLICT when it is not in quarantine."""
        return await self._do(object_id, "clear-gpu", {"gpu": uuid}, repeatable=False)

    async def release_brake(self) -> None:
        """Nodes are given up although many vanished at once. Raises CONFLICT while none are held."""
        await self._transport.call("POST", "brake/release", body={})

    async def drain_plan(self, object_id: str) -> dict[str, Any]:
        """What draining it would move where, or still has to: `moves` [{deployment_id, replicas, to, stays, why}]."""
        return await self._transport.call("GET", f"{self._path.item_path(object_id)}/drain")


class DeploymentCollection(Collection):
    async def stop(self, object_id: str) -> Resource:
        """All replicas end; the deployment stays, and `start` brings it back."""
        return await self._do(object_id, "stop", {}, repeatable=True)

    async def start(self, object_id: str) -> Resource:
        return await self._do(object_id, "start", {}, repeatable=True)

    async def restart(self, object_id: str) -> Resource:
        """Replaces every replica by a new one of the same workload."""
        return await self._do(object_id, "restart", {}, repeatable=False)

    async def scale(
        self,
        object_id: str,
        replicas: int | None = None,
        *,
        min_replicas: int | None = None,
        max_replicas: int | None = None,
        auto: bool = False,
    ) -> Resource:
        """To exactly `replicas`; or to new bounds for the autoscaler; or, with `auto`, back to the bounds that it
        had."""
        given = {
            "replicas": replicas,
            "min_replicas": min_replicas,
            "max_replicas": max_replicas,
            "auto": auto or None,
        }
        body = {key: value for key, value in given.items() if value is not None}
        return await self._do(object_id, "scale", body, repeatable=True)

    async def pause_autoscaling(self, object_id: str) -> Resource:
        """As many replicas as there are stay; scale(auto=True) ends it."""
        return await self._do(object_id, "pause-autoscaling", {}, repeatable=True)

    async def split(
        self,
        object_id: str,
        shares: Mapping[int, int] | None = None,
        *,
        revision: int | None = None,
        percent: int | None = None,
        dry_run: bool = False,
    ) -> Resource:
        """`shares`: percent of the requests by revision, 100 together, empty = all to the newest; or one revision's
        `percent`, and the others keep to each other what they had."""
        listed = [{"revision": number, "percent": part} for number, part in (shares or {}).items()]
        body: dict[str, Any] = {"revision": revision, "percent": percent} if revision else {"traffic_split": listed}
        return await self._do(object_id, "split", {**body, "dry_run": dry_run}, repeatable=True)

    async def promote(self, object_id: str, revision: int | None = None, *, dry_run: bool = False) -> Resource:
        """All requests to one revision, the newest by default, once it is ready for them."""
        return await self._do(object_id, "promote", _named(revision, dry_run), repeatable=True)

    async def rollback(self, object_id: str, revision: int | None = None, *, dry_run: bool = False) -> Resource:
        """All requests back to the revision before the newest that has some."""
        body = _named(revision, dry_run)
        return await self._do(object_id, "rollback", body, repeatable=revision is not None or dry_run)

    async def explain(self, object_id: str) -> dict[str, Any]:
        """Why it is where it is: `summary`, `verdict`, per node in `nodes` what it needs and has, `fixes`."""
        return await self._transport.call("GET", f"{self._path.item_path(object_id)}/explain")

    async def cold_starts(
        self, object_id: str, *, limit: int | None = None, **filters: str
    ) -> AsyncIterator[dict[str, Any]]:
        """Its starts, newest first, and where their time went: `queue_seconds` ... `total_seconds`. Filters: since."""
        async for start in each_item(self._transport, f"{self._path.item_path(object_id)}/cold-starts", filters, limit):
            yield start

    async def scaling_history(
        self, object_id: str, *, limit: int | None = None, **filters: str
    ) -> AsyncIterator[dict[str, Any]]:
        """Why it has so many replicas: changes, newest first, with `wanted`, `driver`, `inputs`. Filters: since."""
        path = f"{self._path.item_path(object_id)}/scaling-history"
        async for change in each_item(self._transport, path, filters, limit):
            yield change

    async def replica_faults(
        self, object_id: str, *, limit: int | None = None, **filters: str
    ) -> AsyncIterator[dict[str, Any]]:
        """Its replicas that were given no requests for a while, or failed health checks, newest first. Filters:
        since."""
        path = f"{self._path.item_path(object_id)}/replica-faults"
        async for fault in each_item(self._transport, path, filters, limit):
            yield fault

    async def traffic(
        self, object_id: str, *, limit: int | None = None, **filters: str
    ) -> AsyncIterator[dict[str, Any]]:
        """Its traffic by the minute, oldest first. Filters: since and until, unix seconds."""
        async for minute in each_item(self._transport, f"{self._path.item_path(object_id)}/traffic", filters, limit):
            yield minute


class UserCollection(Collection):
    async def set_password(self, object_id: str, password: str, current: str | None = None) -> None:
        """And end the user's other sessions. `current` is needed for one's own, unless one administers the
        organisation."""
        body = {"password": password} if current is None else {"password": password, "current": current}
        await self._transport.call("POST", f"{self._path.item_path(object_id)}/password", body=body)


class AccessTokenCollection(Collection):
    async def make(self, name: str, **limits: Any) -> dict[str, Any]:
        """The new token with its text, `token`: shown this once. Limits: owner, permissions, models,
        expires_in_seconds, limits (see homeport.schema.token_limits)."""
        given = {key: value for key, value in limits.items() if value is not None}
        return await self._transport.call("POST", self._path.listing, body={"name": name, **given})

    async def rotate(self, token_id: str, overlap_seconds: float = 0) -> dict[str, Any]:
        """The token with its new text, `token`: shown this once. The old one is accepted for `overlap_seconds` more."""
        path = f"{self._path.item_path(token_id)}/rotate"
        return await self._transport.call("POST", path, body={"overlap_seconds": overlap_seconds})

    async def change(self, token_id: str, **fields: Any) -> Resource:
        """Fields: name, permissions, models, expires_in_seconds, limits; None takes a limit away, also within
        `limits`."""
        return Resource.from_plain(await self._transport.call("PATCH", self._path.item_path(token_id), body=fields))

    async def site_usage(self, token_id: str) -> dict[str, Any]:
        """`days`: what it asked of local gateways, by day (unix seconds of its beginning, UTC) and deployment."""
        return await self._transport.call("GET", f"{self._path.item_path(token_id)}/site-usage")


def _named(revision: int | None, dry_run: bool) -> dict[str, Any]:
    return {"dry_run": dry_run} | ({"revision": revision} if revision is not None else {})


def flags(**given: bool) -> dict[str, str]:
    return {name: "true" for name, value in given.items() if value}


def plain_spec(spec: Spec) -> dict[str, Any]:
    return spec.model_dump(mode="json", exclude_unset=True) if isinstance(spec, BaseModel) else dict(spec)

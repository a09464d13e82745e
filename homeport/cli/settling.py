"""Following deployments until each is where it was asked to be."""

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from homeport.cli.options import OutputFormat
from homeport.core.errors import ErrorCode, HomeportError

if TYPE_CHECKING:
    from homeport.client.resource import Resource
    from homeport.client.sync_client import Client


def watch_until_settled(client: "Client", deployments: Sequence[str], output: OutputFormat) -> None:
    """One line per change of state, beside what programs read. Raises UPSTREAM_FAILED when one fails, NOT_FOUND when
    one is gone."""
    from homeport.cli.columns import with_reason
    from homeport.client.resource import Resource

    said: dict[str, str] = {}
    stream = sys.stdout if output is OutputFormat.TABLE else sys.stderr
    for watched in client.watch("deployments", "replicas") if deployments else ():
        states = {}
        for id in deployments:
            plain = watched.objects["deployments"].get(id)
            if plain is None:
                raise HomeportError(ErrorCode.NOT_FOUND, f"deployment {id} is gone")
            states[id] = Resource.from_plain(plain)
        running = list(watched.objects["replicas"].values())
        for id, resource in states.items():
            line = with_reason(resource.status["phase"], resource.status.get("reason", ""))
            line = "; ".join((line, *_awaited(resource, running)))
            if said.get(id) != line:
                print(f"deployment/{id} {line}", file=stream, flush=True)
                said[id] = line
            if resource.status["phase"] == "failed":
                raise HomeportError(
                    ErrorCode.UPSTREAM_FAILED,
                    f"deployment {id} failed: {resource.status.get('reason', '')}",
                    hint=f"`homeport logs {id}` shows what its replicas said",
                )
        if all(is_settled(resource, running) for resource in states.values()):
            return


def _awaited(deployment: "Resource", replicas: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Revisions that are to get requests and are not ready for them, and why."""
    for each in deployment.status.get("traffic_split", []):
        if each["waits_for"]:
            own = [r for r in replicas if (r["deployment_id"], r["revision"]) == (deployment.id, each["revision"])]
            why = next((f" ({r['reason']})" for r in own if r["status"] != "ready" and r.get("reason")), "")
            yield f"waits for r{each['revision']}: {each['ready']} of {each['waits_for']} replicas ready{why}"


def is_settled(deployment: "Resource", replicas: Iterable[Mapping[str, Any]]) -> bool:
    """Ready with the revisions alone that are to run, requests divided as they are to be, and no more replicas than it
    may have; or stopped with none left."""
    status = deployment.status
    if status["phase"] == "stopped":
        return bool(status["replicas"]["total"] == 0)
    of_it = [replica["revision"] for replica in replicas if replica["deployment_id"] == deployment.id]
    revisions = {*of_it, *(placement["revision"] for placement in status["placements"])}
    listed = {share["revision"] for share in deployment.spec.get("traffic_split", [])} or {status["revision"]}
    divided = all(each["percent"] == each["wanted"] for each in status.get("traffic_split", []))
    # Each share of the bounds is rounded up.
    most = status["desired"]["max"] + len(listed) - 1
    return status["phase"] == "ready" and divided and revisions <= listed and status["replicas"]["ready"] <= most

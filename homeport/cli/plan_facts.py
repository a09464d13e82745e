"""What a replay goes by: the file first, then what is given, then what Homeport knows, then what is usual."""

import sys
from dataclasses import dataclass, field
from random import Random
from statistics import median
from typing import TYPE_CHECKING, Any

from homeport.client.documents import Document, read_documents, with_source
from homeport.core.autoscale.demand import UNKNOWN_START_SECONDS
from homeport.core.errors import ErrorCode, HomeportError
from homeport.core.policy import Scaling
from homeport.core.replay.trace import Trace, read_trace
from homeport.core.workload import Workload
from homeport.schema.deployment import DeploymentSpec
from homeport.schema.documents import parse_documents
from homeport.schema.model_version import ModelVersionSpec

if TYPE_CHECKING:
    from homeport.client.sync_client import Client

RECORDED = "recorded"
# Of the newest starts the median counts.
_STARTS = 50
# The same table is replayed in the same way each time.
_SEED = 0


@dataclass(slots=True)
class Facts:
    """`slots`: requests that a replica takes at once. `price`: of a replica for an hour, US dollars; None = not known.
    `assumed` says, for people, what nobody has said."""

    deployment_id: str
    scaling: Scaling
    trace: Trace
    slots: int
    start_seconds: float
    price: float | None
    assumed: list[str] = field(default_factory=list)


def gather(
    where: str,
    replay: str,
    hours: float,
    start_seconds: float | None,
    slots: int | None,
    price: float | None,
    context: str,
) -> Facts:
    """Raises HomeportError that says what to do."""
    documents = read_documents(where)
    deployment, versions = _specs(documents, where)
    scaling = deployment.scaling()
    if not scaling.max_replicas:
        raise HomeportError(
            ErrorCode.INVALID_ARGUMENT,
            f"deployment {deployment.id} may run nothing: its max_replicas is 0, or it is stopped",
            hint="a replay needs max_replicas of 1 or more",
        )
    slots = slots or _slots_in(deployment, versions)
    assumed: list[str] = []
    known = _Known(context, documents, deployment)
    if replay == RECORDED or slots is None or start_seconds is None or price is None:
        known.ask(replay == RECORDED, hours)
    trace = read_trace(known.table if replay == RECORDED else _table(replay), Random(_SEED).random)
    slots = slots or known.slots
    if slots is None:
        slots = Workload("process").concurrency
        assumed.append(f"a replica takes {slots} requests at once; --concurrency says otherwise")
    start_seconds = start_seconds or known.start_seconds
    if start_seconds is None:
        start_seconds = UNKNOWN_START_SECONDS
        assumed.append(f"a start takes {start_seconds:g} s: none is known; --cold-start says otherwise")
    if scaling.schedule or scaling.targets.metrics:
        assumed.append("its schedule and its metrics count for nothing: a table of requests does not tell them")
    price = known.price if price is None else price
    return Facts(deployment.id, scaling, trace, slots, round(start_seconds, 3), price, assumed)


class _Known:
    """What Homeport knows of the deployment; nothing where there is no Homeport."""

    def __init__(self, context: str, documents: list[Document], deployment: DeploymentSpec) -> None:
        self.slots: int | None = None
        self.start_seconds: float | None = None
        self.price: float | None = None
        self.table: list[str] = []
        self._context = context
        self._documents = documents
        self._deployment = deployment

    def ask(self, recorded: bool, hours: float) -> None:
        """Raises HomeportError when the traffic itself cannot be had."""
        from homeport.cli.connect import connect

        try:
            with connect(self._context) as client:
                if recorded:
                    self.table = _recorded(client, self._deployment.id, hours)
                self._ask_for_the_rest(client)
        except HomeportError:
            if recorded:
                raise

    def _ask_for_the_rest(self, client: "Client") -> None:
        for ask in (self._ask_starts, self._ask_slots, self._ask_price):
            try:
                ask(client)
            except HomeportError as error:
                if error.code in (ErrorCode.UNAVAILABLE, ErrorCode.UNAUTHENTICATED):
                    return

    def _ask_starts(self, client: "Client") -> None:
        starts = client.deployments.cold_starts(self._deployment.id, limit=_STARTS)
        took = [start["total_seconds"] - start["queue_seconds"] for start in starts if not start["problem"]]
        self.start_seconds = median(took) if took else None

    def _ask_slots(self, client: "Client") -> None:
        model = self._deployment.worker.model
        versions = client.model_versions(model.id)
        named = model.model_version.id if model.model_version else ""
        found = versions.get(f"{model.id}/{named}") if named else max(versions.list(), key=lambda each: each.created_at)
        self.slots = found.spec["concurrency"]

    def _ask_price(self, client: "Client") -> None:
        """That of all its replicas, by the placement that it would get, divided by how many there may be."""
        for result in client.apply([document.plain for document in self._documents], dry_run=True):
            if result.kind == "deployment" and result.forecast and result.forecast.get("price_per_hour"):
                price = result.forecast["price_per_hour"]
                priced = (node for node in result.forecast["nodes"] if node["node_id"] not in price["unpriced"])
                replicas = sum(node["max"] for node in priced)
                self.price = round(price["high"] / replicas, 6) if replicas else None


def _specs(documents: list[Document], where: str) -> tuple[DeploymentSpec, list[ModelVersionSpec]]:
    try:
        specs = [spec for _, spec in parse_documents([document.plain for document in documents])]
    except HomeportError as error:
        raise with_source(error, documents) from None
    deployments = [spec for spec in specs if isinstance(spec, DeploymentSpec)]
    if len(deployments) != 1:
        count = "no" if not deployments else str(len(deployments))
        raise HomeportError(
            ErrorCode.INVALID_ARGUMENT,
            f"{where} holds {count} deployments: a replay is of one",
            hint="give a file with one `deployment:` document; its model_version may stand beside it",
        )
    return deployments[0], [spec for spec in specs if isinstance(spec, ModelVersionSpec)]


def _slots_in(deployment: DeploymentSpec, versions: list[ModelVersionSpec]) -> int | None:
    model = deployment.worker.model
    named = model.model_version.id if model.model_version else ""
    mine = [each for each in versions if each.model.id == model.id and (not named or each.id == named)]
    return mine[-1].concurrency if mine else None


def _table(replay: str) -> list[str]:
    try:
        if replay == "-":
            return list(sys.stdin)
        with open(replay, newline="", encoding="utf-8") as file:
            return list(file)
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not text"
        raise HomeportError(
            ErrorCode.INVALID_ARGUMENT,
            f"{replay} cannot be read: {why}",
            hint=f"give a CSV table, - for standard input, or `{RECORDED}`: what the deployment's nodes have recorded",
        ) from None


def _recorded(client: "Client", deployment_id: str, hours: float) -> list[str]:
    import time

    from homeport.cli.traffic_table import traffic_lines

    minutes: list[dict[str, Any]] = list(
        client.deployments.traffic(deployment_id, limit=None, since=str(time.time() - hours * 3600))
    )
    return traffic_lines(minutes)

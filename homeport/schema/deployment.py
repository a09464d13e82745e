from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import model_validator

from homeport.core.policy import Policy, Scaling
from homeport.schema.affinity import AffinitySpec
from homeport.schema.autoscaling import AutoscaleConfig
from homeport.schema.base import ApiModel, Env, Id, immutable, live, rollout
from homeport.schema.compute import ComputeOverride
from homeport.schema.foreign import Visibility, nodepools_by_priority, refuse_other_workers
from homeport.schema.labels import Labels
from homeport.schema.load_balancer import LoadBalancer
from homeport.schema.nodepool import NodepoolRef
from homeport.schema.numbered import Numbered
from homeport.schema.on_disconnect import OnDisconnect
from homeport.schema.secret import SecretUse
from homeport.schema.traffic_split import TrafficSplit
from homeport.schema.update_strategy import UpdateStrategy

_SCHEDULING_CHOICES = {
    1: "FAIL",
    2: "RANDOM",
    3: "PRICE",
    4: "PERFORMANCE",
    5: "NETWORK",
    6: "UTILIZATION",
    7: "PREFER_SPOT",
    8: "PREFER_ONDEMAND",
}
SchedulingChoice = Annotated[
    Literal["FAIL", "RANDOM", "PRICE", "PERFORMANCE", "NETWORK", "UTILIZATION", "PREFER_SPOT", "PREFER_ONDEMAND"],
    Numbered(_SCHEDULING_CHOICES),
]


class ModelVersionRef(ApiModel):
    id: Id = rollout()


class WorkerModel(ApiModel):
    id: Id = immutable(reason="clients reach the model through this deployment: deploy the other model beside it")
    model_version: ModelVersionRef | None = rollout(default=None)
    """Null = the newest version at the time of the write."""
    user_id: str = live(default="", max_length=200, recorded=True)
    app_id: str = live(default="", max_length=200, recorded=True)


class Worker(ApiModel):
    model: WorkerModel = rollout()

    @model_validator(mode="before")
    @classmethod
    def _is_a_model(cls, given: Any) -> Any:
        return refuse_other_workers(given) if isinstance(given, Mapping) else given


class DeploymentSpec(ApiModel):
    """A model version served on one or more nodepools, best first."""

    id: Id = immutable(reason="it is part of the deployment's address, which clients know")
    description: str = live(default="", max_length=1000)
    state: Literal["running", "stopped"] = live(default="running")
    """`stopped`: no replica runs, everything else stays as it is."""
    environment: Literal["development", "staging", "production"] = live(default="development")
    project: str = live(default="", max_length=63)
    labels: Labels = live(default_factory=dict)
    worker: Worker = rollout()
    deploy_latest_version: bool = rollout(default=False)
    """Each new version of the model is rolled out as soon as it is created."""
    env: Env = rollout(default_factory=dict)
    """Added to the model version's env; the same name wins here."""
    secrets: list[SecretUse] = rollout(default_factory=list, max_length=100)
    """Added to the model version's; the same variable or folder wins here."""
    compute_info: ComputeOverride | None = rollout(default=None)
    """Null = what the model version needs."""
    nodepools: list[NodepoolRef] = live(min_length=1, max_length=100)
    """Best first: what does not fit goes to the next."""
    residency: Labels = live(default_factory=dict)
    """Labels that a cluster must carry; nodes of others get no replica."""
    affinity: AffinitySpec = live(default_factory=AffinitySpec)
    """Which nodes of its nodepools, beside what fits."""
    scheduling_choice: SchedulingChoice = live(default="UTILIZATION")
    """In which order nodepools and nodes are used; docs/scheduling.md tells what each does."""
    priority: int = live(default=0, ge=-100, le=100)
    """Where several want the same room, the higher goes first. It takes nothing that a lower one has as its minimum,
    but by `preemption`."""
    preemption: Literal["never", "lower_priority"] = live(default="never")
    """`lower_priority`: where its minimum finds no place, deployments of lower priority have to leave a node to it,
    even where they find no other."""
    autoscale_config: AutoscaleConfig = live(default_factory=AutoscaleConfig)
    hold_seconds: float = live(default=60.0, ge=0, le=3600)
    """How long a request may wait for a replica before it is answered with 503."""
    hold_limit: int = live(default=1024, ge=0, le=100_000)
    """How many requests may wait on one node."""
    request_timeout_seconds: float = live(default=600.0, ge=0, le=86_400)
    """From the first byte of the request to the last of the answer; 0 = no limit."""
    retry: Literal["safe", "none"] = live(default="safe")
    """`safe`: one second try where a request may have been begun, but nothing came back."""
    on_client_disconnect: Literal["cancel", "drain"] = live(default="cancel")
    """What becomes of a request that a replica works on when its client leaves: the model stops, or it finishes and the
    answer is dropped."""
    load_balancer: LoadBalancer = live(default_factory=LoadBalancer)
    update_strategy: UpdateStrategy = live(default_factory=UpdateStrategy)
    traffic_split: TrafficSplit = live(default_factory=list)
    """Which revisions run side by side, and what of the requests each gets. Empty = all go to the newest, as soon as it
    is made."""
    on_disconnect: OnDisconnect = live(default_factory=OnDisconnect)
    credential: str = live(default="", max_length=100, recorded=True)
    """The id of the access token that the deployment acts for."""
    user_id: str = live(default="", max_length=200, recorded=True)
    visibility: Visibility | None = live(default=None, recorded=True)

    @model_validator(mode="before")
    @classmethod
    def _read_priorities(cls, given: Any) -> Any:
        return nodepools_by_priority(given) if isinstance(given, Mapping) else given

    @model_validator(mode="after")
    def _is_not_apart_from_itself(self) -> "DeploymentSpec":
        if self.id in self.affinity.apart_from:
            raise ValueError("`affinity.apart_from` names the deployment itself: leave it out")
        return self

    @model_validator(mode="after")
    def _says_once_which_version(self) -> "DeploymentSpec":
        if self.deploy_latest_version and self.worker.model.model_version is not None:
            raise ValueError("`deploy_latest_version: true` and a `model_version` contradict each other: leave one out")
        return self

    def scaling(self) -> Scaling:
        """A stopped deployment may run nothing, and keeps its bounds for when it is started again."""
        if self.state == "stopped":
            return self.autoscale_config.model_copy(update={"replicas": 0}).to_core()
        return self.autoscale_config.to_core()

    def policy(self) -> Policy:
        return Policy(
            scaling=self.scaling(),
            hold_seconds=self.hold_seconds,
            hold_limit=self.hold_limit,
            request_timeout_seconds=self.request_timeout_seconds,
            retry=self.retry,
            stop_after_seconds=self.on_disconnect.stop_after_seconds,
            priority=self.priority,
            residency=self.residency,
            balancing=self.load_balancer.to_core(),
            drain_abandoned=self.on_client_disconnect == "drain",
        )

"""What the API answers to edits, deletions and files that are applied."""

from typing import Any, Literal

from pydantic import Field

from homeport.schema.answer import Answer
from homeport.schema.base import Change
from homeport.schema.deployment_resources import (
    Deployment,
    Foreseen,
)
from homeport.schema.explanation import Explanation
from homeport.schema.resources import (
    Cluster,
    InstanceType,
    Model,
    ModelVersion,
    Nodepool,
    Project,
    Secret,
)


class ChangedField(Answer):
    """`from` and `to` are plain values, null where there was or is none."""

    path: str
    change: Change
    before: Any = Field(alias="from")
    after: Any = Field(alias="to")


class Edited(Answer):
    """What an edit did, beside the object as it is now."""

    changes: list[ChangedField]
    needs_restart: bool
    """Some of the changes replace the replicas."""


class EditedCluster(Cluster, Edited):
    pass


class EditedNodepool(Nodepool, Edited):
    pass


class EditedProject(Project, Edited):
    pass


class EditedSecret(Secret, Edited):
    pass


class EditedInstanceType(InstanceType, Edited):
    pass


class EditedModel(Model, Edited):
    pass


class EditedModelVersion(ModelVersion, Edited):
    pass


class NewDeployment(Deployment, Foreseen):
    pass


class EditedDeployment(Deployment, Edited, Foreseen):
    pass


class ObjectName(Answer):
    kind: str
    id: str


class Impact(Answer):
    """What the deletion of an object would mean."""

    stops: dict[str, int]
    """How many of what runs would stop, by kind: {replicas: 2}."""
    objects: list[ObjectName]
    """What would be deleted with it."""
    blocked_by: list[ObjectName]
    """What needs it: while there is something, deleting it is refused."""


class AppliedDocument(Answer):
    kind: str
    id: str
    action: Literal["created", "configured", "unchanged"]
    changes: list[ChangedField] = Field(default_factory=list)
    """Of an object that existed before."""
    recorded: list[str] = Field(default_factory=list)
    """Fields that are set, kept and shown, and that nothing acts on yet."""
    forecast: Explanation | None = None
    """Only of a deployment in a dry run: whether it would find a place, and where."""


class ApplyResult(Answer):
    results: list[AppliedDocument]
    seq: int

from collections.abc import Mapping
from typing import Any

from controlplane.api.collection import Collection, CollectionRoutes
from controlplane.api.lists import list_answer
from controlplane.api.queries import ModelVersionQuery
from controlplane.api.routing import Answer, Call
from controlplane.auth.guard import Guard
from controlplane.fleet.kinds import MODEL_VERSION
from controlplane.fleet.references import missing
from controlplane.store.store import Kind
from homeport.core.access.permission import Permission
from homeport.core.errors import ErrorCode, HomeportError
from homeport.schema.edited import EditedModelVersion
from homeport.schema.resources import ModelVersion


class ModelVersions(CollectionRoutes):
    """The list is of one model, oldest first."""

    def at_listing(self, guard: Guard, permission: Permission, path: Mapping[str, str]) -> None:
        """Of one model, which has to be seen."""
        guard.must(permission, self.store, Kind.MODEL, path["model"])

    async def show_all(self, call: Call) -> Answer:
        await self.views.refresh()
        model = call.path["model"]
        if self.views.of(Kind.MODEL).get(model) is None:
            raise missing(Kind.MODEL, model, self.views.of(Kind.MODEL).ids())
        prefix = f"{model}/"
        versions = [item for item in self.views.of(Kind.MODEL_VERSION).items(prefix) if item.id.startswith(prefix)]
        return await list_answer(versions, call.query, self.views.seq)


def _with_model(body: Any, path: Mapping[str, str]) -> Any:
    """The path says the model already: the body may leave it out, and must not contradict it."""
    if not isinstance(body, dict):
        return body
    model = {"id": path["model"]}
    if body.get("model", model) != model:
        raise HomeportError(
            ErrorCode.INVALID_ARGUMENT,
            f"the path says model {path['model']}, the body another one",
            hint="leave `model` out of the body",
            path="model_version.model.id",
        )
    return {**body, "model": model}


MODEL_VERSIONS = Collection(
    MODEL_VERSION,
    "models",
    "/models/{model}/versions",
    "/models/{model}/versions/{version}",
    ModelVersionQuery,
    ModelVersion,
    EditedModelVersion,
    _with_model,
)

from collections.abc import Mapping
from typing import Any

from controlplane.api.dependencies import ApiDependencies
from controlplane.api.resources import CREATE_ERRORS, DELETE_ERRORS, create, delete, envelope, find, listing
from controlplane.api.routing import Answer, Call, Route
from controlplane.fleet.models import accept_model_version, delete_model_version
from controlplane.store.store import Kind
from homeport.core.errors import ErrorCode, HomeportError
from homeport.schema.model_version import ModelVersionSpec
from homeport.schema.resources import ModelVersion

_TAG = "models"


class ModelVersions:
    def __init__(self, dependencies: ApiDependencies) -> None:
        self._store = dependencies.store

    def routes(self) -> list[Route]:
        many, item = "/models/{model}/versions", "/models/{model}/versions/{version}"
        return [
            Route(
                "GET",
                many,
                self.show_all,
                _TAG,
                "List a model's versions, oldest first",
                response=ModelVersion,
                many=True,
                errors=(ErrorCode.NOT_FOUND,),
            ),
            Route(
                "POST",
                many,
                self.create,
                _TAG,
                "Create a model version; `model` may be left out of the body",
                body=ModelVersionSpec,
                root="model_version",
                status=201,
                response=ModelVersion,
                errors=CREATE_ERRORS,
                complete=_with_model,
            ),
            Route(
                "GET",
                item,
                self.get,
                _TAG,
                "Show a version",
                response=ModelVersion,
                errors=(ErrorCode.NOT_FOUND,),
            ),
            Route(
                "DELETE", item, self.delete, _TAG, "Delete an unused model version", status=204, errors=DELETE_ERRORS
            ),
        ]

    async def show_all(self, call: Call) -> Answer:
        model = find(self._store, Kind.MODEL, call.path["model"])
        versions = [v for v in self._store.all(Kind.MODEL_VERSION) if v.spec["model"]["id"] == model.id]
        return listing(self._store, map(envelope, sorted(versions, key=lambda version: version.seq)))

    async def create(self, call: Call) -> Answer:
        spec: ModelVersionSpec = call.body
        key = f"{spec.model.id}/{spec.id}"
        return envelope(
            await create(
                self._store, Kind.MODEL_VERSION, key, "model_version", lambda tx: accept_model_version(tx, spec)
            )
        )

    async def get(self, call: Call) -> Answer:
        return envelope(find(self._store, Kind.MODEL_VERSION, _key(call)))

    async def delete(self, call: Call) -> None:
        key = _key(call)
        await delete(self._store, Kind.MODEL_VERSION, key, lambda tx: delete_model_version(tx, key))


def _key(call: Call) -> str:
    return f"{call.path['model']}/{call.path['version']}"


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

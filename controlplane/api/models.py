from controlplane.api.dependencies import ApiDependencies
from controlplane.api.resources import CREATE_ERRORS, DELETE_ERRORS, create, delete, envelope, find, listing
from controlplane.api.routing import Answer, Call, Route
from controlplane.fleet.models import accept_model, delete_model
from controlplane.store.store import Kind
from homeport.core.errors import ErrorCode
from homeport.schema.model import ModelSpec
from homeport.schema.resources import Model

_TAG = "models"


class Models:
    def __init__(self, dependencies: ApiDependencies) -> None:
        self._store = dependencies.store

    def routes(self) -> list[Route]:
        item = "/models/{model}"
        return [
            Route("GET", "/models", self.show_all, _TAG, "List models", response=Model, many=True),
            Route(
                "POST",
                "/models",
                self.create,
                _TAG,
                "Create a model",
                body=ModelSpec,
                root="model",
                status=201,
                response=Model,
                errors=CREATE_ERRORS,
            ),
            Route("GET", item, self.get, _TAG, "Show a model", response=Model, errors=(ErrorCode.NOT_FOUND,)),
            Route(
                "DELETE", item, self.delete, _TAG, "Delete a model without versions", status=204, errors=DELETE_ERRORS
            ),
        ]

    async def show_all(self, call: Call) -> Answer:
        return listing(self._store, map(envelope, self._store.all(Kind.MODEL)))

    async def create(self, call: Call) -> Answer:
        spec: ModelSpec = call.body
        return envelope(await create(self._store, Kind.MODEL, spec.id, "model", lambda tx: accept_model(tx, spec)))

    async def get(self, call: Call) -> Answer:
        return envelope(find(self._store, Kind.MODEL, call.path["model"]))

    async def delete(self, call: Call) -> None:
        id = call.path["model"]
        await delete(self._store, Kind.MODEL, id, lambda tx: delete_model(tx, id))

from controlplane.api.dependencies import ApiDependencies
from controlplane.api.resources import CREATE_ERRORS, DELETE_ERRORS, create, delete, envelope, find, listing
from controlplane.api.routing import Answer, Call, Route
from controlplane.fleet.projects import accept_project, delete_project
from controlplane.store.store import Kind
from homeport.core.errors import ErrorCode
from homeport.schema.project import ProjectSpec
from homeport.schema.resources import Project

_TAG = "projects"


class Projects:
    def __init__(self, dependencies: ApiDependencies) -> None:
        self._store = dependencies.store

    def routes(self) -> list[Route]:
        item = "/projects/{project}"
        return [
            Route("GET", "/projects", self.show_all, _TAG, "List projects", response=Project, many=True),
            Route(
                "POST",
                "/projects",
                self.create,
                _TAG,
                "Create a project",
                body=ProjectSpec,
                root="project",
                status=201,
                response=Project,
                errors=CREATE_ERRORS,
            ),
            Route("GET", item, self.get, _TAG, "Show a project", response=Project, errors=(ErrorCode.NOT_FOUND,)),
            Route(
                "DELETE",
                item,
                self.delete,
                _TAG,
                "Delete a project that nothing belongs to",
                status=204,
                errors=DELETE_ERRORS,
            ),
        ]

    async def show_all(self, call: Call) -> Answer:
        return listing(self._store, map(envelope, self._store.all(Kind.PROJECT)))

    async def create(self, call: Call) -> Answer:
        spec: ProjectSpec = call.body
        return envelope(
            await create(self._store, Kind.PROJECT, spec.id, "project", lambda tx: accept_project(tx, spec))
        )

    async def get(self, call: Call) -> Answer:
        return envelope(find(self._store, Kind.PROJECT, call.path["project"]))

    async def delete(self, call: Call) -> None:
        id = call.path["project"]
        await delete(self._store, Kind.PROJECT, id, lambda tx: delete_project(tx, id))

"""The aiohttp application."""

from aiohttp import web

from controlplane.api.body import MAX_BODY
from controlplane.api.clusters import Clusters
from controlplane.api.dependencies import ApiDependencies
from controlplane.api.deployments import Deployments
from controlplane.api.docs import add_docs
from controlplane.api.documents import Documents
from controlplane.api.instance_types import InstanceTypes
from controlplane.api.join_tokens import JoinTokens
from controlplane.api.middleware import add_headers, outermost
from controlplane.api.model_versions import ModelVersions
from controlplane.api.models import Models
from controlplane.api.nodepools import Nodepools
from controlplane.api.nodes import Nodes
from controlplane.api.openapi import openapi_document
from controlplane.api.projects import Projects
from controlplane.api.routing import Route, add_routes
from controlplane.api.running import Running
from controlplane.api.server_status import Server
from controlplane.fleet.overview import Overview


def create_app(dependencies: ApiDependencies) -> web.Application:
    """Serves `/api/v1`. The store must be open before the first request."""
    routes = all_routes(dependencies)
    app = web.Application(middlewares=[outermost], client_max_size=MAX_BODY)
    app.on_response_prepare.append(add_headers)
    add_routes(app, routes, dependencies.access_tokens.check)
    add_docs(app, openapi_document(routes, dependencies.version))
    return app


def all_routes(dependencies: ApiDependencies) -> list[Route]:
    overview = Overview(dependencies.store, dependencies.registry, dependencies.monotonic, dependencies.urls.gateway)
    return [
        *Projects(dependencies).routes(),
        *InstanceTypes(dependencies).routes(),
        *Clusters(dependencies).routes(),
        *Nodepools(dependencies).routes(),
        *Nodes(dependencies, overview).routes(),
        *Models(dependencies).routes(),
        *ModelVersions(dependencies).routes(),
        *Deployments(dependencies, overview).routes(),
        *Running(dependencies, overview).routes(),
        *JoinTokens(dependencies).routes(),
        *Documents(dependencies).routes(),
        *Server(dependencies, overview).routes(),
    ]

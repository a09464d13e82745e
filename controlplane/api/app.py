"""The aiohttp application."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

from aiohttp import web

from controlplane.api.access import ACCESS
from controlplane.api.access_tokens import AccessTokens
from controlplane.api.audit import Audit
from controlplane.api.body import MAX_BODY
from controlplane.api.callers import Callers
from controlplane.api.clusters import CLUSTERS
from controlplane.api.collection import CollectionRoutes
from controlplane.api.dependencies import ApiDependencies
from controlplane.api.deployment_history import DeploymentHistory
from controlplane.api.deployments import Deployments
from controlplane.api.docs import add_docs
from controlplane.api.documents import Documents
from controlplane.api.gateways import GatewayRoutes
from controlplane.api.instance_types import INSTANCE_TYPES, InstanceTypes
from controlplane.api.join_tokens import JoinTokens
from controlplane.api.metrics import MetricsPage
from controlplane.api.middleware import add_headers, outermost
from controlplane.api.model_versions import MODEL_VERSIONS, ModelVersions
from controlplane.api.models import MODELS
from controlplane.api.node_upkeep import NodeUpkeep
from controlplane.api.nodepools import NODEPOOLS
from controlplane.api.nodes import Nodes
from controlplane.api.oidc import Oidc
from controlplane.api.openapi import openapi_document
from controlplane.api.opening import Opening
from controlplane.api.passwords import Passwords
from controlplane.api.projects import PROJECTS
from controlplane.api.rebalance import Rebalancing
from controlplane.api.routing import Route, add_routes
from controlplane.api.running import Running
from controlplane.api.secrets import secrets_collection
from controlplane.api.server_status import Server
from controlplane.api.sign_in import SignIn
from controlplane.api.watch import Watch
from controlplane.api.whoami import WhoAmI
from controlplane.audit.denials import Denials
from controlplane.audit.store import AuditedStore
from controlplane.auth.door import Door
from controlplane.auth.password_sign_in import PasswordSignIn
from controlplane.views.pulse import Pulse
from controlplane.views.views import Views
from homeport.core.guessing import Guesses

ROUTES = web.AppKey("routes", list[Route])


def create_app(dependencies: ApiDependencies) -> web.Application:
    """Serves `/api/v1` and `/metrics`. The store must be open before the application starts."""
    dependencies = replace(dependencies, store=AuditedStore(dependencies.store))
    denials = Denials(dependencies.store, dependencies.monotonic)
    door = Door(dependencies.access_tokens.check, dependencies.guesses, dependencies.monotonic)
    cookie_door = Door(dependencies.access_tokens.check, Guesses(), dependencies.monotonic)
    callers = Callers(door, cookie_door, dependencies.urls.of_browsers)
    views = Views(dependencies.store, dependencies.registry, dependencies.monotonic, dependencies.urls.gateway)
    pulse = Pulse(views)
    routes = [*_all_routes(dependencies, views, callers), *Watch(dependencies, views, pulse).routes()]
    app = web.Application(middlewares=[outermost(denials.note)], client_max_size=MAX_BODY)
    app[ROUTES] = routes
    app.on_response_prepare.append(add_headers)
    app.cleanup_ctx.append(lambda _: _keep_current(views, pulse))
    app.on_shutdown.append(lambda _: _end_watches(pulse))
    add_routes(app, routes, callers.identify, dependencies.store)
    app.router.add_get("/metrics", MetricsPage(dependencies, views, callers).answer, allow_head=False)
    add_docs(app, lambda: openapi_document(routes, dependencies.version))
    return app


async def _keep_current(views: Views, pulse: Pulse) -> AsyncIterator[None]:
    """The first look at everything is taken before the first request."""
    await views.refresh()
    beating = asyncio.create_task(pulse.run(), name="watch-pulse")
    yield
    beating.cancel()
    await asyncio.wait([beating])


async def _end_watches(pulse: Pulse) -> None:
    pulse.close()


def _all_routes(dependencies: ApiDependencies, views: Views, callers: Callers) -> list[Route]:
    passwords = PasswordSignIn(dependencies.store, dependencies.guesses, dependencies.monotonic)
    opening = Opening(dependencies.store, callers, dependencies.session_life)
    nodes = Nodes(dependencies, views)
    deployments = Deployments(dependencies, views)
    return [
        *CollectionRoutes(dependencies, views, PROJECTS).routes(),
        *CollectionRoutes(dependencies, views, secrets_collection(dependencies.vault)).routes(),
        *InstanceTypes(dependencies, views, INSTANCE_TYPES).routes(),
        *CollectionRoutes(dependencies, views, CLUSTERS).routes(),
        *CollectionRoutes(dependencies, views, NODEPOOLS).routes(),
        *nodes.routes(),
        *NodeUpkeep(dependencies, nodes).routes(),
        *Rebalancing(dependencies).routes(),
        *CollectionRoutes(dependencies, views, MODELS).routes(),
        *ModelVersions(dependencies, views, MODEL_VERSIONS).routes(),
        *deployments.routes(),
        *DeploymentHistory(dependencies, deployments).routes(),
        *Running(dependencies.store, views).routes(),
        *JoinTokens(dependencies, views).routes(),
        *(route for each in ACCESS for route in CollectionRoutes(dependencies, views, each).routes()),
        *AccessTokens(dependencies, views).routes(),
        *WhoAmI(dependencies, callers).routes(),
        *SignIn(dependencies, callers, passwords, opening).routes(),
        *Oidc(dependencies, callers, opening).routes(),
        *Passwords(dependencies, passwords).routes(),
        *Documents(dependencies).routes(),
        *Audit(dependencies).routes(),
        *Server(dependencies, views).routes(),
        *GatewayRoutes(dependencies).routes(),
    ]

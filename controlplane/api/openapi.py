"""The OpenAPI 3.1 document, made from the routes."""

import re
from collections.abc import Sequence
from functools import cache
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from controlplane.api.routing import PREFIX, Route
from homeport.core.errors import ErrorCode
from homeport.http_status import HTTP_STATUS
from homeport.schema.resources import Error

_DESCRIPTION = """Runs models on machines that you own.

Send `Authorization: Bearer TOKEN`; the first token is in the file `admin-token` of the server's data directory. A
browser that has signed in sends its cookie instead, and `X-CSRF-Token` with whatever changes something.
`x-permission` of an operation is what the caller needs at the place of the object; without it: 403, or 404 where the
object may not be seen.
Each field of a spec says under `x-change` what a change of it does: `live` applies at once, `rollout` makes a new
revision, `immutable` is refused."""
# A parameter has its name and description beside its schema.
_SAID_OUTSIDE = ("title", "description")
_WITHOUT_BODY = {101: "the WebSocket is open", 204: "done", 303: "the browser goes there"}
_REF = "#/components/schemas/{model}"
# Beside what a route lists: any request may meet these.
_ALWAYS = (ErrorCode.INVALID_ARGUMENT, ErrorCode.INTERNAL)
_OF_BODIES = (
    ErrorCode.PAYLOAD_TOO_LARGE,
    ErrorCode.UNSUPPORTED_MEDIA_TYPE,
    ErrorCode.UNAVAILABLE,
    ErrorCode.STORAGE_FULL,
)


def openapi_document(routes: Sequence[Route], version: str) -> dict[str, Any]:
    schemas = _Schemas(routes)
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(PREFIX + route.path, {})[route.method.lower()] = _operation(route, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Homeport",
            "version": version,
            "description": _DESCRIPTION,
        },
        "paths": paths,
        "components": {
            "schemas": schemas.definitions,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{"token": []}],
        "tags": [{"name": tag} for tag in dict.fromkeys(route.tag for route in routes)],
    }


class _Schemas:
    """Components of all models that the routes name. What is sent is described as it is checked, what is answered as
    it is written, where every field is there."""

    def __init__(self, routes: Sequence[Route]) -> None:
        wanted: dict[tuple[type[BaseModel], JsonSchemaMode], None] = {(Error, "serialization"): None}
        for route in routes:
            if route.body is not None:
                wanted[route.body, "validation"] = None
            if route.response is not None:
                wanted[route.response, "serialization"] = None
        self._refs, document = _described(tuple(wanted))
        self.definitions: dict[str, Any] = document["$defs"]

    def sent(self, model: type[BaseModel]) -> Any:
        return self._refs[model, "validation"]

    def answered(self, model: type[BaseModel]) -> Any:
        return self._refs[model, "serialization"]


@cache
def _described(wanted: tuple[tuple[type[BaseModel], JsonSchemaMode], ...]) -> tuple[dict[Any, Any], dict[str, Any]]:
    """(a reference to each, the document that they point into). It is the same for every application."""
    return models_json_schema(list(wanted), ref_template=_REF)


def _operation(route: Route, schemas: _Schemas) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": _operation_id(route),
        "summary": route.summary,
        "tags": [route.tag],
        "responses": _responses(route, schemas),
    }
    parameters = _path_parameters(route) + _query_parameters(route)
    if parameters:
        operation["parameters"] = parameters
    if route.body is not None:
        content = {"application/json": {"schema": schemas.sent(route.body)}}
        operation["requestBody"] = {"required": True, "content": content}
    if route.public:
        operation["security"] = []
    if route.permission is not None:
        operation["x-permission"] = route.permission.value
    return operation


def _operation_id(route: Route) -> str:
    """`get_deployments_logs`, and `get_deployments_one` for an item, so that each is there once."""
    words = [route.method.lower(), *re.sub(r"{\w+}", "", route.path).replace("-", "_").replace(".", "_").split("/")]
    if route.path.endswith("}"):
        words.append("one")
    return "_".join(word for word in words if word)


def _path_parameters(route: Route) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"{(\w+)}", route.path)
    ]


def _query_parameters(route: Route) -> list[dict[str, Any]]:
    if route.query is None:
        return []
    document = route.query.model_json_schema()
    return [
        {
            "name": name,
            "in": "query",
            "description": schema.get("description", ""),
            "schema": _parameter_schema(schema, document.get("$defs", {})),
        }
        for name, schema in document["properties"].items()
    ]


def _parameter_schema(schema: dict[str, Any], models: dict[str, Any]) -> dict[str, Any]:
    """Complete in itself. A query parameter is left out rather than sent as null."""
    arm = next(arm for arm in schema.get("anyOf", [schema]) if arm.get("type") != "null")
    found = models[arm["$ref"].rpartition("/")[2]] if "$ref" in arm else arm
    return {key: value for key, value in found.items() if key not in _SAID_OUTSIDE}


def _responses(route: Route, schemas: _Schemas) -> dict[str, Any]:
    responses: dict[str, Any] = {str(route.status): _success(route, schemas)}
    codes = {*route.errors, *_ALWAYS}
    if not route.public:
        codes.update((ErrorCode.UNAUTHENTICATED, ErrorCode.PERMISSION_DENIED, ErrorCode.TOO_MANY_REQUESTS))
    if route.body is not None:
        codes.update(_OF_BODIES)
    if route.method == "DELETE":
        codes.update((ErrorCode.UNAVAILABLE, ErrorCode.STORAGE_FULL))
    by_status: dict[int, list[str]] = {}
    for code in sorted(codes):
        by_status.setdefault(HTTP_STATUS[code], []).append(code.value)
    for status in sorted(by_status):
        responses[str(status)] = {
            "description": " or ".join(by_status[status]),
            "content": {"application/json": {"schema": schemas.answered(Error)}},
        }
    return responses


def _success(route: Route, schemas: _Schemas) -> dict[str, Any]:
    if route.response is None:
        if route.status in _WITHOUT_BODY:
            return {"description": _WITHOUT_BODY[route.status]}
        return {"description": "ok", "content": {route.media_type: {"schema": {"type": "string"}}}}
    schema = schemas.answered(route.response)
    if route.many:
        schema = {
            "type": "object",
            "required": ["items", "seq", "next_cursor"],
            "properties": {
                "items": {"type": "array", "items": schema},
                "seq": {"type": "integer", "description": "the state of the store that the list shows"},
                "next_cursor": {
                    "type": ["string", "null"],
                    "description": "`cursor` of the next page; null = this is the last one",
                },
            },
        }
    return {"description": "ok", "content": {route.media_type: {"schema": schema}}}

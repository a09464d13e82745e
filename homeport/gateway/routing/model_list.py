"""GET /v1/models: the table in OpenAI's shape."""

import json
from typing import Any

from homeport.gateway.routing.routes import PolicyTable, RoutePolicy, Sees


def model_list(table: PolicyTable, sees: Sees) -> bytes:
    """Of what is seen."""
    items = [_model(policy) for policy in sorted(filter(sees, table), key=lambda policy: policy.deployment_id)]
    return json.dumps({"object": "list", "data": items}).encode()


def one_model(table: PolicyTable, name: str, sees: Sees) -> bytes:
    """Raises HomeportError(NOT_FOUND, CONFLICT) as routing by that name would."""
    return json.dumps(_model(table.by_model(name, sees))).encode()


def _model(policy: RoutePolicy) -> dict[str, Any]:
    """`id` is the deployment, which is what `model` should name; `root` is the model that it serves."""
    return {
        "id": policy.deployment_id,
        "object": "model",
        "created": int(policy.created_at),
        "owned_by": "homeport",
        "root": policy.model_id,
    }

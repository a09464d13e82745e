"""The library that control plane, agent, CLI and SDK share.

The SDK's nouns can be imported from here; they are loaded when they are first used, so that `import homeport` is light:

    from homeport import Client, Model

    print(Model("smollm2").predict("Why do ships need a home port?"))
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_HOME = {
    "AsyncClient": "homeport.client.async_client",
    "AsyncComputeCluster": "homeport.client.nouns.compute_cluster",
    "AsyncDeployment": "homeport.client.nouns.deployment",
    "AsyncModel": "homeport.client.nouns.model",
    "AsyncNodepool": "homeport.client.nouns.nodepool",
    "AsyncUser": "homeport.client.nouns.user",
    "Client": "homeport.client.sync_client",
    "ComputeCluster": "homeport.client.nouns.compute_cluster",
    "Context": "homeport.client.contexts",
    "Deployment": "homeport.client.nouns.deployment",
    "ErrorCode": "homeport.core.errors",
    "HomeportError": "homeport.core.errors",
    "Model": "homeport.client.nouns.model",
    "Nodepool": "homeport.client.nouns.nodepool",
    "User": "homeport.client.nouns.user",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)

"""YAML documents: one root key says what it is, as in the seeds' files."""

from typing import Any

import yaml
from pydantic import ValidationError

from homeport.core.errors import ErrorCode, HomeportError
from homeport.core.names import did_you_mean
from homeport.schema.base import ApiModel
from homeport.schema.cluster import ClusterSpec, NodepoolSpec
from homeport.schema.deployment import DeploymentSpec
from homeport.schema.model import ModelSpec, ModelVersionSpec

# Root key -> what it holds, in the order in which parents come before children.
DOCUMENT_KINDS: dict[str, type[ApiModel]] = {
    "compute_cluster": ClusterSpec,
    "nodepool": NodepoolSpec,
    "model": ModelSpec,
    "model_version": ModelVersionSpec,
    "deployment": DeploymentSpec,
}


def load_documents(text: str) -> list[dict[str, Any]]:
    """The documents of a YAML text (several are separated by `---`), unchecked but for their shape."""
    try:
        documents = [doc for doc in yaml.load_all(text, Loader=yaml.CSafeLoader) if doc is not None]
    except yaml.YAMLError as error:
        raise HomeportError(ErrorCode.INVALID_ARGUMENT, f"not YAML: {error}") from None
    for index, document in enumerate(documents):
        if not isinstance(document, dict) or len(document) != 1:
            raise _bad_root(index, "must be a mapping with one root key")
    return documents


def parse_document(document: dict[str, Any], index: int = 0) -> tuple[str, ApiModel]:
    """(root key, checked spec). Errors carry the field's path, `deployment.autoscale_config.max_replicas`."""
    if not isinstance(document, dict) or len(document) != 1:
        raise _bad_root(index, "must be a mapping with one root key")
    root, body = next(iter(document.items()))
    if root not in DOCUMENT_KINDS:
        hint = did_you_mean(str(root), DOCUMENT_KINDS, f"use one of {', '.join(DOCUMENT_KINDS)}")
        raise HomeportError(ErrorCode.INVALID_ARGUMENT, f"unknown kind {root!r}", hint=hint, path=f"[{index}]")
    return root, parse_spec(DOCUMENT_KINDS[root], body, root)


def parse_spec(kind: type[ApiModel], body: Any, root: str) -> Any:
    """A checked spec, or HomeportError with the first problem's path and rule (and how many more there are)."""
    try:
        return kind.model_validate(body)
    except ValidationError as error:
        problems = error.errors(include_url=False)
        first = problems[0]
        path = ".".join([root, *(str(part) for part in first["loc"])])
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        message, hint = _describe(first, kind)
        raise HomeportError(ErrorCode.INVALID_ARGUMENT, message + more, hint=hint, path=path) from None


def _describe(problem: Any, kind: type[ApiModel]) -> tuple[str, str]:
    if problem["type"] == "extra_forbidden":
        known = _fields_at(kind, problem["loc"][:-1])
        wanted = str(problem["loc"][-1])
        return "unknown field", did_you_mean(wanted, known, f"known fields: {', '.join(known)}")
    message = problem["msg"].removeprefix("Value error, ")
    got = problem.get("input")
    shown = f", got {got!r}" if isinstance(got, str | int | float | bool) else ""
    return message[0].lower() + message[1:] + shown, ""


def _fields_at(kind: type[ApiModel], loc: tuple[Any, ...]) -> list[str]:
    """Field names of the object at `loc`, for the hint; empty where the path leaves the models."""
    fields = kind.model_fields
    for part in loc:
        if isinstance(part, int):
            continue
        annotation = fields[part].annotation if part in fields else None
        candidates = [annotation, *getattr(annotation, "__args__", ())]
        inner = next((c for c in candidates if isinstance(c, type) and issubclass(c, ApiModel)), None)
        if inner is None:
            return []
        fields = inner.model_fields
    return list(fields)


def _bad_root(index: int, message: str) -> HomeportError:
    hint = f"begin the document with one of {', '.join(f'{kind}:' for kind in DOCUMENT_KINDS)}"
    return HomeportError(ErrorCode.INVALID_ARGUMENT, message, hint=hint, path=f"[{index}]")

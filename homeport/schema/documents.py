"""YAML documents: one root key says what it is. Only a model's `config.yaml` has more of them beside `model`."""

from collections.abc import Sequence
from typing import Any, TypeVar

import yaml
from pydantic import ValidationError

from homeport.core.errors import ErrorCode, HomeportError
from homeport.core.names import did_you_mean
from homeport.schema.access import RoleBindingSpec, ServiceAccountSpec, TeamSpec, UserSpec
from homeport.schema.base import ApiModel
from homeport.schema.cluster import ClusterSpec
from homeport.schema.deployment import DeploymentSpec
from homeport.schema.instance_type import InstanceTypeSpec
from homeport.schema.model import ModelSpec
from homeport.schema.model_version import ModelVersionSpec
from homeport.schema.nodepool import NodepoolSpec
from homeport.schema.problems import describe
from homeport.schema.project import ProjectSpec
from homeport.schema.secret import SecretSpec

Model = TypeVar("Model", bound=ApiModel)

# Root key -> what it holds, in the order in which parents come before children.
DOCUMENT_KINDS: dict[str, type[ApiModel]] = {
    "project": ProjectSpec,
    "secret": SecretSpec,
    "instance_type": InstanceTypeSpec,
    "compute_cluster": ClusterSpec,
    "nodepool": NodepoolSpec,
    "model": ModelSpec,
    "model_version": ModelVersionSpec,
    "deployment": DeploymentSpec,
    "user": UserSpec,
    "service_account": ServiceAccountSpec,
    "team": TeamSpec,
    "role_binding": RoleBindingSpec,
}

# The blocks of a model's `config.yaml` that stand beside `model:` and belong to it.
_MODEL_BLOCKS = frozenset(
    {"build_info", "checkpoints", "compute", "concepts", "inference_compute_info", "num_threads", "secrets"}
    | {"streaming_video_consumer", "toolkit"}
)


class _UniqueKeyLoader(yaml.CSafeLoader):
    """YAML says that keys are unique; PyYAML would silently take the last one."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.tag != "tag:yaml.org,2002:merge":
                if key.value in seen:
                    raise yaml.constructor.ConstructorError(None, None, f"key {key.value!r} twice", key.start_mark)
                seen.add(key.value)
        return super().construct_mapping(node, deep)


def load_documents(text: str) -> list[dict[str, Any]]:
    """The documents of a YAML text (several are separated by `---`), unchecked but for their shape."""
    try:
        documents = [doc for doc in yaml.load_all(text, Loader=_UniqueKeyLoader) if doc is not None]
    except (yaml.YAMLError, RecursionError) as error:
        raise HomeportError(ErrorCode.INVALID_ARGUMENT, f"not YAML: {error}") from None
    return [_one_root(document, index) for index, document in enumerate(documents)]


def parse_documents(documents: Sequence[Any]) -> list[tuple[str, ApiModel]]:
    """(root key, checked spec) of each. Errors carry document and field: `[2].deployment.hold_seconds`."""
    return [_parse_document(document, index) for index, document in enumerate(documents)]


def _parse_document(document: Any, index: int) -> tuple[str, ApiModel]:
    root, body = next(iter(_one_root(document, index).items()))
    if root not in DOCUMENT_KINDS:
        hint = did_you_mean(str(root), DOCUMENT_KINDS, f"use one of {', '.join(DOCUMENT_KINDS)}")
        raise HomeportError(ErrorCode.INVALID_ARGUMENT, f"unknown kind {root!r}", hint=hint, path=f"[{index}]")
    return root, parse_spec(DOCUMENT_KINDS[root], body, f"[{index}].{root}")


def _one_root(document: Any, index: int) -> dict[str, Any]:
    """The document with the blocks of a model's `config.yaml` put under `model`."""
    if not isinstance(document, dict) or (len(document) != 1 and not _is_model_config(document)):
        raise _bad_root(index, "must be a mapping with one root key")
    if len(document) == 1:
        return document
    blocks = {name: body for name, body in document.items() if name != "model"}
    twice = sorted(blocks.keys() & document["model"].keys())
    if twice:
        raise _bad_root(index, f"{twice[0]!r} stands under `model` and beside it")
    return {"model": {**document["model"], **blocks}}


def _is_model_config(document: dict[str, Any]) -> bool:
    return isinstance(document.get("model"), dict) and document.keys() <= {"model", *_MODEL_BLOCKS}


def parse_spec(kind: type[Model], body: Any, root: str) -> Model:
    """A checked spec, or HomeportError with the first problem's path and rule (and how many more there are).

    `root` begins the path; empty = the path begins with the field.
    """
    try:
        return kind.model_validate(body)
    except ValidationError as error:
        # A misspelt field is often why another one is missing: name it first.
        problems = sorted(error.errors(include_url=False), key=lambda problem: problem["type"] != "extra_forbidden")
        first = problems[0]
        path = ".".join([part for part in (root, *(str(part) for part in first["loc"])) if part])
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        message, hint = describe(first, kind)
        raise HomeportError(ErrorCode.INVALID_ARGUMENT, message + more, hint=hint, path=path) from None


def _bad_root(index: int, message: str) -> HomeportError:
    hint = f"begin the document with one of {', '.join(f'{kind}:' for kind in DOCUMENT_KINDS)}"
    return HomeportError(ErrorCode.INVALID_ARGUMENT, message, hint=hint, path=f"[{index}]")

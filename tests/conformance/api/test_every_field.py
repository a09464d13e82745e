"""Every field of every document, given wrongly: the error names the field's path, and the range where it has one.

The cases are made from the JSON schema, so a new field is covered as soon as it is there.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from homeport.core.errors import ErrorCode, HomeportError
from homeport.schema.documents import DOCUMENT_KINDS, parse_spec

# A valid document of each kind, with what a field needs beside it.
BASE: dict[str, dict[str, Any]] = {
    "project": {"id": "red"},
    "secret": {"id": "hub", "data": {"token": "x"}},
    "instance_type": {"id": "rack"},
    "compute_cluster": {"id": "office"},
    "nodepool": {"id": "gpu", "compute_cluster": {"id": "office"}},
    "model": {"id": "smollm2"},
    "model_version": {
        "id": "v1",
        "model": {"id": "smollm2"},
        "driver": "docker",
        "image": "smollm2",
        "secrets": [{"id": "hub", "env_var": "HF_TOKEN"}],
        "container": {"mounts": [{"source": "/models", "target": "/models"}]},
    },
    "deployment": {
        "id": "chat",
        "worker": {"model": {"id": "smollm2"}},
        "nodepools": [{"id": "gpu", "compute_cluster": {"id": "office"}}],
    },
    "user": {"id": "anna"},
    "service_account": {"id": "ci"},
    "team": {"id": "ops"},
    "role_binding": {"id": "annas", "role": "viewer", "subject": "user/anna"},
}
# Of each JSON type: a value of another one.
WRONG = {"string": 7, "integer": "7", "number": "7.5", "boolean": "yes", "array": {}, "object": []}


@dataclass(frozen=True)
class Case:
    """`wrong` at `steps` below the root; the error has `path`, and says all of `says`."""

    root: str
    steps: tuple[str | int, ...]
    wrong: Any
    path: str
    says: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.path}={str(self.wrong)[:20]}"


def cases() -> Iterator[Case]:
    for root, kind in DOCUMENT_KINDS.items():
        schema = kind.model_json_schema()
        yield from _of_object(root, schema, schema.get("$defs", {}), ())


def _of_object(
    root: str, schema: Mapping[str, Any], models: Mapping[str, Any], at: tuple[str | int, ...]
) -> Iterator[Case]:
    path = ".".join(map(str, (root, *at)))
    yield Case(root, (*at, "no_such_field"), 1, f"{path}.no_such_field", ("unknown field",))
    for name, field in schema["properties"].items():
        yield from _of_value(root, field, models, (*at, name))


def _of_value(
    root: str, field: Mapping[str, Any], models: Mapping[str, Any], at: tuple[str | int, ...]
) -> Iterator[Case]:
    field = _resolved(field, models)
    path = ".".join(map(str, (root, *at)))
    kind = field.get("type")
    if kind in WRONG:
        yield Case(root, at, WRONG[kind], path, ("must be",))
    elif "enum" in field:
        yield Case(root, at, "no such word", path, ("must be",))
    low, high = field.get("minimum"), field.get("maximum")
    for bound, wrong in ((low, _below(low, kind)), (high, _above(high, kind))):
        if bound is not None:
            yield Case(root, at, wrong, path, tuple(_written(each) for each in (low, high) if each is not None))
    if kind == "string" and "enum" in field:
        yield Case(root, at, "no such word", path, ("must be",))
    if kind == "string" and "maxLength" in field:
        yield Case(root, at, "x" * (field["maxLength"] + 1), path, (str(field["maxLength"]),))
    if kind == "array" and "maxItems" in field:
        yield Case(
            root, at, [_example(field["items"], models)] * (field["maxItems"] + 1), path, (str(field["maxItems"]),)
        )
    if kind == "array" and "properties" in _resolved(field["items"], models):
        yield from _of_object(root, _resolved(field["items"], models), models, (*at, 0))
    if "properties" in field:
        yield from _of_object(root, field, models, at)


def _resolved(field: Mapping[str, Any], models: Mapping[str, Any]) -> dict[str, Any]:
    """Without null, and with what it refers to."""
    arms = [arm for arm in field.get("anyOf", [field]) if arm.get("type") != "null"]
    arm = arms[0]
    return {**arm, **models[arm["$ref"].rpartition("/")[2]]} if "$ref" in arm else dict(arm)


def _example(field: Mapping[str, Any], models: Mapping[str, Any]) -> Any:
    found = _resolved(field, models)
    if "properties" in found:
        return {name: _example(found["properties"][name], models) for name in found.get("required", [])}
    if "enum" in found:
        return found["enum"][0]
    return {"string": "x", "integer": found.get("minimum", 1), "number": found.get("minimum", 1)}.get(found["type"])


def _below(bound: Any, kind: Any) -> Any:
    return None if bound is None else bound - 1 if kind == "integer" else bound - 0.5


def _above(bound: Any, kind: Any) -> Any:
    return None if bound is None else bound + 1 if kind == "integer" else bound + 0.5


def _written(bound: float) -> str:
    """The number without its decimals: 30 stands in "30.0"."""
    return str(int(bound)) if float(bound).is_integer() else str(bound)


def _document(case: Case, models: Mapping[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    """The base of its kind with the wrong value in it; what is required on the way there is filled in."""
    document: dict[str, Any] = _placed(BASE[case.root], case.steps, case.wrong, schema, models)
    return document


def _placed(
    value: Any, steps: tuple[str | int, ...], wrong: Any, field: Mapping[str, Any], models: Mapping[str, Any]
) -> Any:
    if not steps:
        return wrong
    step, found = steps[0], _resolved(field, models)
    if isinstance(step, int):
        inner = value[0] if isinstance(value, list) and value else _example(found["items"], models)
        return [_placed(inner, steps[1:], wrong, found["items"], models)]
    held = value if isinstance(value, dict) else _example(found, models)
    inner_field = found["properties"].get(step, {})
    return {**held, step: _placed(held.get(step), steps[1:], wrong, inner_field, models)}


CASES = list(cases())


def test_there_are_cases_of_every_kind() -> None:
    assert {case.root for case in CASES} == set(DOCUMENT_KINDS) == set(BASE)
    assert len(CASES) > 500
    for root, body in BASE.items():
        parse_spec(DOCUMENT_KINDS[root], body, root)


@pytest.mark.parametrize("root", DOCUMENT_KINDS)
def test_a_wrong_value_is_refused_with_its_path_and_range(root: str) -> None:
    schema = DOCUMENT_KINDS[root].model_json_schema()
    missed = []
    for case in (each for each in CASES if each.root == root):
        body = _document(case, schema.get("$defs", {}), schema)
        try:
            parse_spec(DOCUMENT_KINDS[root], body, root)
        except HomeportError as error:
            said = f"{error.message} {error.hint}"
            right = error.code is ErrorCode.INVALID_ARGUMENT and error.path == case.path
            if not right or not all(each in said for each in case.says):
                missed.append(f"{case}: {error.path}: {said}")
        else:
            missed.append(f"{case}: it was accepted")
    assert not missed, "\n".join(missed)

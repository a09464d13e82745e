from pathlib import Path
from typing import Any

import pytest

from homeport.core.errors import HomeportError
from homeport.core.workload import PLACEHOLDERS
from homeport.schema.base import Change
from homeport.schema.documents import DOCUMENT_KINDS, load_documents, parse_documents
from homeport.schema.model_version import ModelVersionSpec

ROOT = Path(__file__).parents[3]

YAML = """
compute_cluster: {id: office, kind: edge}
---
---
deployment:
  id: chat
  hold_seconds: 30
  worker: {model: {id: m, model_version: {id: v1}}}
  nodepools: [{id: gpu, compute_cluster: {id: office}}]
"""


def test_documents_are_separated_and_empty_ones_skipped() -> None:
    documents = parse_documents(load_documents(YAML))
    assert [root for root, _ in documents] == ["compute_cluster", "deployment"]
    dumped = documents[1][1].model_dump()
    assert dumped["hold_seconds"] == 30.0
    assert isinstance(dumped["hold_seconds"], float)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a: [", "not YAML"),
        ("- 1", "[0]: must be a mapping with one root key"),
        ("a: 1\nb: 2", "[0]: must be a mapping with one root key"),
        ("model: {id: a}\n---\nx", "[1]: must be"),
        ("model:\n  id: a\n  id: b\n", "key 'id' twice"),
        ("model: !!python/object/apply:os.system [ls]", "not YAML"),
    ],
)
def test_what_is_no_document(text: str, says: str) -> None:
    with pytest.raises(HomeportError) as caught:
        load_documents(text)
    assert says in str(caught.value)


def test_yaml_anchors_and_merges_still_work() -> None:
    assert load_documents("model: {a: &x {id: 1}, b: {<<: *x, id: 2}}") == [{"model": {"a": {"id": 1}, "b": {"id": 2}}}]


@pytest.mark.parametrize(
    ("body", "path", "says"),
    [
        ({"id": "v", "model": {"id": "m"}, "command": ["a\0b"]}, "command.0", "NUL"),
        ({"id": "v", "model": {"id": "m"}, "command": ["a"], "env": {"A=B": "x"}}, "env", "not a variable name"),
        ({"id": "v", "model": {"id": "m"}, "driver": "docker"}, "", "needs `image`"),
        ({"id": "v", "model": {"id": "m"}, "command": ["a"], "stop_grace_seconds": float("inf")}, "stop_grace_seconds",
         "finite"),
        ({"id": "v", "model": {"id": "m"}, "command": ["a"], "port": 70000}, "port", "between 0 and 65535, got 70000"),
        ({"id": "v", "model": {"id": "m"}, "command": ["a"], "port": 8000, "grpc_port": 8000}, "", "port of its own"),
        ({"id": "v", "model": {"id": "m"}, "command": ["a", "{grpc_port}"]}, "", "add `grpc_port: 0`"),
    ],
)  # fmt: skip
def test_versions_that_could_not_run_are_refused(body: dict[str, Any], path: str, says: str) -> None:
    with pytest.raises(HomeportError) as caught:
        parse_documents([{"model_version": body}])
    assert caught.value.path == ".".join(filter(None, ["[0].model_version", path]))
    assert says in caught.value.message


def test_several_problems_are_counted() -> None:
    with pytest.raises(HomeportError, match=r"\(and 2 more\)"):
        parse_documents([{"compute_cluster": {"id": "a", "kind": "x", "region": 1, "zone": 2}}])


def test_a_misspelt_field_is_named_before_the_one_that_is_missing_for_it() -> None:
    with pytest.raises(HomeportError) as caught:
        parse_documents([{"model_version": {"id": "v1", "modle": {"id": "m"}, "command": ["x"]}}])
    assert caught.value.path == "[0].model_version.modle"
    assert "model" in caught.value.hint


def test_a_version_becomes_the_workload_that_it_describes() -> None:
    spec = ModelVersionSpec.model_validate(
        {
            "id": "v",
            "model": {"id": "m"},
            "command": ["run", *PLACEHOLDERS],
            "env": {"A": "1"},
            "grpc_port": 8001,
            "inference_compute_info": {"cpu_limit": "500m", "cpu_memory": "1Gi", "accelerator_memory": "2Gi"},
            "readiness": {"path": "/ready", "interval_seconds": 2},
        }
    )
    workload = spec.to_core()
    assert workload.command == ("run", *PLACEHOLDERS)
    assert (workload.port, workload.grpc_port) == (0, 8001)
    assert (workload.needs.cpu_milli, workload.needs.memory_bytes) == (500, 2**30)
    assert workload.needs.accelerator_memory_bytes == 2**31
    assert (workload.readiness.path, workload.readiness.interval_seconds) == ("/ready", 2.0)


@pytest.mark.parametrize("name", ["deployment.yaml", "triton.yaml"])
def test_the_examples_are_what_they_should_be(name: str) -> None:
    assert parse_documents(load_documents((ROOT / "examples" / name).read_text()))


@pytest.mark.parametrize("kind", DOCUMENT_KINDS.values())
def test_every_field_says_what_its_change_does(kind: Any) -> None:
    for name, field in kind.model_fields.items():
        assert field.json_schema_extra["x-change"] in set(Change), name

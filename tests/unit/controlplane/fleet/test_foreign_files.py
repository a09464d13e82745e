"""Every word that Clarifai's four files may have, applied as one write, and again."""

from pathlib import Path

import yaml

from controlplane.store.store import Kind
from homeport.core.errors import ErrorCode
from tests.fakes.fleet_site import Site, version

SEEDS = Path(__file__).parents[4] / "examples" / "seeds"

CLUSTER = """
compute_cluster:
  id: "test-aws-cluster"
  description: "My AWS cluster"
  cloud_provider: {id: "aws"}
  region: "us-east-1"
  managed_by: "clarifai"
  cluster_type: "dedicated"
  visibility: {gettable: 10}
"""
NODEPOOL = """
nodepool:
  id: "test-nodepool-6"
  compute_cluster: {id: "test-aws-cluster", user_id: "someone"}
  description: "First nodepool"
  instance_types:
    - id: "g5.xlarge"
      compute_info:
        cpu_limit: "8"
        cpu_memory: "16Gi"
        cpu_requests: "500m"
        cpu_memory_requests: "1Gi"
        accelerator_type: ["a10"]
        num_accelerators: 1
        accelerator_memory: "40Gi"
        accelerator_topology: ["ring"]
  node_capacity_type:
    capacity_types: [1, 2]
  min_instances: 0
  max_instances: 1
  visibility: {gettable: 10}
"""
DEPLOYMENT = """
deployment:
  id: "ci_test_deployment"
  user_id: "someone"
  description: "some random deployment"
  autoscale_config:
    min_replicas: 0
    max_replicas: 1
    traffic_history_seconds: 100
    scale_down_delay_seconds: 30
    scale_up_delay_seconds: 30
    scale_to_zero_delay_seconds: 50
    disable_packing: false
    soft_min_replicas: 0
  worker:
    model: {id: "my-model", model_version: {id: "v1"}, user_id: "someone", app_id: "main"}
  scheduling_choice: 4
  nodepools:
    - id: "test-nodepool-6"
      compute_cluster: {id: "test-aws-cluster", user_id: "someone"}
  deploy_latest_version: false
  visibility: {gettable: 10}
"""
MODEL = """
model: {id: "my-model", user_id: "someone", app_id: "main", model_type_id: "any-to-any"}
build_info:
  python_version: "3.12"
  image: "vllm/vllm-openai:latest"
  platform: "linux/amd64"
  node_version: "22"
  dereference_symlinks: true
inference_compute_info:
  cpu_limit: "1"
  cpu_memory: "1Gi"
  num_accelerators: 1
  accelerator_type: ["NVIDIA-*"]
  accelerator_memory: "24Gi"
compute: {instance: g5.xlarge, cloud: aws, region: us-east-1, num_gpus: 1}
checkpoints:
  type: huggingface
  repo_id: "org/name"
  when: runtime
  hf_token: "hf_secret"
  allowed_file_patterns: ["*.safetensors"]
  ignore_file_patterns: ["*.md"]
toolkit: {provider: ollama}
num_threads: 16
streaming_video_consumer: false
secrets: [{id: my-secret, type: env, env_var: HF_TOKEN, value: "hf_secret", description: "for the hub"}]
concepts: [{id: "0", name: "bus"}]
"""
LOCAL = """
compute_cluster:
  id: "local-runners"
  cloud_provider: {id: "local"}
  region: "na"
  managed_by: "user"
  cluster_type: "local-dev"
---
nodepool:
  id: "local"
  compute_cluster: {id: "local-runners"}
  instance_types: [{id: "local", compute_info: {cpu_limit: "1"}}]
  node_capacity_type: {capacity_types: [1]}
  min_instances: 0
  max_instances: 1
---
deployment:
  id: "local-deployment"
  worker: {model: {id: "my-model"}}
  scheduling_choice: 4
  nodepools: [{id: "local", compute_cluster: {id: "local-runners"}}]
"""


async def test_files_with_every_word_are_applied_and_change_nothing_a_second_time(site: Site) -> None:
    texts = [DEPLOYMENT, NODEPOOL, CLUSTER, MODEL, LOCAL]
    results = await site.apply_text("\n---\n".join(texts), version("v1", "my-model"))
    assert {each.action.value for each in results} == {"created"}
    again = await site.apply_text("\n---\n".join(texts), version("v1", "my-model"))
    assert {each.action.value for each in again} == {"unchanged"}
    assert site.get(Kind.CLUSTER, "test-aws-cluster").spec["kind"] == "cloud"
    assert site.get(Kind.CLUSTER, "local-runners").spec["kind"] == "on-prem"
    deployment = site.get(Kind.DEPLOYMENT, "ci_test_deployment").spec
    assert deployment["scheduling_choice"] == "PERFORMANCE"
    assert deployment["autoscale_config"]["scale_to_zero_delay_seconds"] == 50
    assert "hf_secret" not in str(site.get(Kind.MODEL, "my-model").spec)


async def test_what_is_kept_is_accepted_again_as_it_is_shown(site: Site) -> None:
    await site.apply_text("\n---\n".join([CLUSTER, NODEPOOL, MODEL, DEPLOYMENT]), version("v1", "my-model"))
    kept = {
        "compute_cluster": site.get(Kind.CLUSTER, "test-aws-cluster"),
        "nodepool": site.get(Kind.NODEPOOL, "test-aws-cluster/test-nodepool-6"),
        "model": site.get(Kind.MODEL, "my-model"),
        "model_version": site.get(Kind.MODEL_VERSION, "my-model/v1"),
        "deployment": site.get(Kind.DEPLOYMENT, "ci_test_deployment"),
    }
    shown = yaml.safe_dump_all([{root: record.spec} for root, record in kept.items()])
    assert {each.action.value for each in await site.apply_text(shown)} == {"unchanged"}


async def test_the_files_of_the_examples_work_together(site: Site) -> None:
    """The nodepool's file leaves out its cluster, which the command or the method names."""
    nodepool = yaml.safe_load((SEEDS / "nodepool_config.yaml").read_text())
    nodepool["nodepool"]["compute_cluster"] = {"id": "test-compute-cluster"}
    files = [(SEEDS / name).read_text() for name in ("compute_cluster_config.yaml", "model/config.yaml")]
    await site.apply_text("\n---\n".join(files), nodepool)
    deployment = (SEEDS / "deployment_config.yaml").read_text()
    (document,) = yaml.safe_load_all(deployment)
    error = await site.refused(document)
    assert (error.code, error.path) == (ErrorCode.NOT_FOUND, "[0].deployment.worker.model.id")
    wanted = version("5d92321db5d341b5b4cf407ab34f618f", "got-ocr-2_0")
    await site.apply_text(deployment, {"model": {"id": "got-ocr-2_0"}}, wanted)
    assert site.get(Kind.DEPLOYMENT, "test-deployment").status["revision"] == 1


async def test_a_nodepool_that_is_missing_is_made_for_a_file_as_it_is(site: Site) -> None:
    results = await site.apply_text("\n---\n".join([DEPLOYMENT, MODEL]), version("v1", "my-model"), create_missing=True)
    assert [each.id for each in results[3:]] == ["test-aws-cluster", "test-aws-cluster/test-nodepool-6"]

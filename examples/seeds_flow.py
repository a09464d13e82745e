"""A compute cluster, a nodepool and a deployment from the files in examples/seeds, as they are, from Python.

    make run                                       # in one terminal: a control plane on this machine
    .venv/bin/python examples/seeds_flow.py        # in another

This machine joins the nodepool as a second node, and leaves it at the end; everything made here is deleted again.
"""

import asyncio
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from homeport import AsyncModel, Client, ComputeCluster, Deployment, Model, Nodepool, User

ROOT = Path(__file__).resolve().parent.parent
SEEDS = ROOT / "examples" / "seeds"
AGENT = str(Path(sys.executable).with_name("homeport-agent"))

# deployment_config.yaml names an OCR model, which needs a GPU: a small language model stands in for it.
STAND_IN: list[dict[str, Any]] = [
    {"model": {"id": "got-ocr-2_0", "description": "A stand-in"}},
    {
        "model_version": {
            "id": "5d92321db5d341b5b4cf407ab34f618f",
            "model": {"id": "got-ocr-2_0"},
            "driver": "process",
            "command": [".models/smollm2/bin/python", "examples/models/smollm2/serve.py", "--port", "{port}"],
            "working_directory": str(ROOT),
            "inference_compute_info": {"cpu_limit": "1", "cpu_memory": "512Mi"},
        }
    },
]


def main() -> None:
    user = User(user_id="me")
    cluster = user.create_compute_cluster(
        compute_cluster_id="test-compute-cluster", config_filepath=str(SEEDS / "compute_cluster_config.yaml")
    )
    nodepool = cluster.create_nodepool(nodepool_id="test-nodepool", config_filepath=str(SEEDS / "nodepool_config.yaml"))
    print("nodepools:", [found.id for found in cluster.list_nodepools()])
    user.create_model(str(SEEDS / "model" / "config.yaml"))
    user.apply(STAND_IN)
    with this_machine_in(nodepool):
        deployment = nodepool.create_deployment(
            deployment_id="test-deployment", config_filepath=str(SEEDS / "deployment_config.yaml")
        )
        try:
            use(deployment)
        finally:
            deployment.delete()
    clean_up(user, cluster, nodepool)


def use(deployment: Deployment) -> None:
    deployment.wait("ready", timeout=60)
    model = Model("got-ocr-2_0", deployment_id=deployment.id)
    # No replica runs yet (min_replicas: 0): the first request starts one.
    print("answer:", model.predict("What is a harbour?", max_tokens=16))
    for piece in model.predict("And a lighthouse?", stream=True, max_tokens=16):
        print(piece, end="", flush=True)
    print()
    print("several at once:", asyncio.run(ask_together("Red?", "Green?", "Blue?")))

    edited = deployment.edit({"description": "Changed from Python"})
    print("edited:", [change.path for change in edited.changes], "restart needed:", edited.needs_restart)
    deployment.scale(1)
    print("scaled:", deployment.wait("ready", timeout=60).status["replicas"])
    deployment.stop()
    print("stopped:", deployment.wait("stopped", timeout=60).spec["state"])
    deployment.start()
    print("started:", deployment.wait("ready", timeout=60).status["replicas"])
    print("restarting as revision", deployment.restart().status["revision"])
    for line in deployment.logs(tail=1):
        print("log:", line)


async def ask_together(*questions: str) -> list[int]:
    """The lengths of the answers."""
    model = AsyncModel("got-ocr-2_0", deployment_id="test-deployment")
    answers = await asyncio.gather(*(model.predict(question, max_tokens=8) for question in questions))
    return [len(answer) for answer in answers]


def clean_up(user: User, cluster: ComputeCluster, nodepool: Nodepool) -> None:
    """Children first."""
    with Client() as homeport:
        homeport.model_versions("got-ocr-2_0").delete("got-ocr-2_0/5d92321db5d341b5b4cf407ab34f618f")
        for node in homeport.nodes.list(nodepool=f"{cluster.id}/{nodepool.id}"):
            homeport.nodes.delete(node.id)
    for model in ("got-ocr-2_0", "my-model"):
        user.model(model).delete()
    nodepool.delete()
    cluster.delete()


@contextmanager
def this_machine_in(nodepool: Nodepool) -> Iterator[None]:
    """An agent runs here meanwhile, as a node of `nodepool`."""
    with tempfile.TemporaryDirectory() as folder:
        join = nodepool.create_join_token()["command"].split()
        subprocess.run([AGENT, *join[1:], "--state-dir", folder], check=True)
        command = [AGENT, "run", "--state-dir", folder, "--allow-driver", "process", "--stop-replicas-on-exit"]
        with subprocess.Popen(command, stderr=subprocess.DEVNULL) as agent:
            try:
                yield
            finally:
                agent.terminate()


if __name__ == "__main__":
    main()

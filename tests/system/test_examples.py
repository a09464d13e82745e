"""What the examples folder promises."""

import json
import re
import signal
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from homeport.schema.documents import DOCUMENT_KINDS, load_documents, parse_documents
from tests.ports import free_ports
from tests.system.conftest import ROOT, RunningDev, need_sample

pytestmark = [pytest.mark.system, pytest.mark.timeout(400), pytest.mark.xdist_group("dev")]

_SERVE = ROOT / "examples" / "models" / "smollm2" / "serve.py"


def test_every_yaml_file_is_valid() -> None:
    files = sorted((ROOT / "examples").rglob("*.yaml"))
    files = [file for file in files if "seeds" not in file.parts]  # their parents are named on the command line
    assert files
    for file in files:
        assert parse_documents(load_documents(file.read_text())), file


def _kinds_in_the_deployment_file() -> list[str]:
    return [next(iter(each)) for each in load_documents((ROOT / "examples" / "deployment.yaml").read_text())]


def test_the_deployment_file_names_parents_first() -> None:
    kinds = _kinds_in_the_deployment_file()
    assert kinds == [kind for kind in DOCUMENT_KINDS if kind in kinds]
    assert {"compute_cluster", "nodepool", "model", "model_version", "deployment"} == set(kinds)


def test_the_readmes_yaml_is_valid() -> None:
    blocks = re.findall(r"```yaml\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert blocks
    for block in blocks:
        assert parse_documents(load_documents(block))


def test_what_dev_applied_is_the_file(dev: RunningDev) -> None:
    ran = dev.home.homeport("apply -f examples/deployment.yaml")
    assert ran.stdout.count(" unchanged\n") == len(_kinds_in_the_deployment_file()), ran.stdout + ran.stderr


def test_chat_with_addresses_from_the_environment(dev: RunningDev, tmp_path: Path) -> None:
    context = json.loads(dev.home.homeport("context show -o json").stdout)
    token = (dev.home.data_dir / "server" / "admin-token").read_text().strip()
    settings = f"XDG_CONFIG_HOME={tmp_path} HOMEPORT_GATEWAY={context['gateway']} HOMEPORT_TOKEN={token}"
    ran = dev.home.shell(f"{settings} .venv/bin/python examples/chat.py 'Say hello.' --deployment smollm2")
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.strip()


@pytest.fixture
def server() -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The sample's own server, alone."""
    need_sample()
    (port,) = free_ports(1)
    command = [str(ROOT / ".models" / "smollm2" / "bin" / "python"), str(_SERVE), "--port", str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            assert process.stdout is not None
            first = process.stdout.readline()
            assert first.startswith("serving SmolLM2"), first + process.stdout.read()
            yield process, f"http://127.0.0.1:{port}"
        finally:
            process.kill()


def test_the_samples_server_alone(server: tuple[subprocess.Popen[str], str]) -> None:
    process, url = server
    with urllib.request.urlopen(f"{url}/health", timeout=60) as health:
        assert health.status == 200
    request = urllib.request.Request(f"{url}/v1/embeddings", json.dumps({"input": "a harbour"}).encode())
    with urllib.request.urlopen(request, timeout=60) as answer:
        assert len(json.load(answer)["data"][0]["embedding"]) == 576
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 0


def test_the_samples_server_says_when_its_port_is_taken(server: tuple[subprocess.Popen[str], str]) -> None:
    process, url = server
    command = [*map(str, process.args), "--slots", "1"]  # type: ignore[arg-type]
    second = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert second.returncode == 1
    assert url.rpartition(":")[2] in second.stderr
    assert "Traceback" not in second.stderr

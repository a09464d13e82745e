"""Starts the processes of the bench and measures them."""

import contextlib
import json
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TextIO

import psutil
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from bench.dataplane.gateway import TOKEN
from controlplane.auth.ca import open_ca


class Part:
    """One process, which says {"port": ...} or the like on its first line."""

    def __init__(self, name: str, *arguments: object) -> None:
        command = [sys.executable, "-m", f"bench.dataplane.{name}", *map(str, arguments)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._usage = psutil.Process(self._process.pid)

    @property
    def pid(self) -> int:
        return self._process.pid

    def read(self) -> dict[str, Any]:
        line = _stream(self._process.stdout).readline()
        if not line:
            raise SystemExit("a part of the bench ended early")
        message: dict[str, Any] = json.loads(line)
        return message

    def ask(self, message: dict[str, Any]) -> dict[str, Any]:
        stdin = _stream(self._process.stdin)
        stdin.write(json.dumps(message) + "\n")
        stdin.flush()
        return self.read()

    def cpu_seconds(self) -> float:
        times = self._usage.cpu_times()
        return float(times.user + times.system)

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(10)


class Stage:
    """A model server, `pairs` of a gateway and the agent of its one node, and a load generator. `ports` are where
    requests may go: "direct" and "gateway"."""

    def __init__(self, pairs: int = 1) -> None:
        self._stack = contextlib.ExitStack()
        self.directory = Path(self._stack.enter_context(tempfile.TemporaryDirectory()))
        write_certificates(self.directory)
        self.upstream = self._start("upstream")
        upstream_port = self.upstream.read()["port"]
        self.ports = {"direct": [upstream_port], "gateway": list[int]()}
        self.gateways: list[Part] = []
        self.agents: list[Part] = []
        self.load = self._start("load")
        for _ in range(pairs):
            self._add_pair(upstream_port)
        self.gateway, self.agent = self.gateways[0], self.agents[0]

    def measure(self, port: str, request: bytes, connections: int, seconds: float) -> dict[str, float]:
        """The load's figures, with the CPU time per request of the first pair in microseconds."""
        job = {"ports": self.ports[port][:1], "connections": connections, "seconds": seconds}
        gateway, agent = self.gateway.cpu_seconds(), self.agent.cpu_seconds()
        result = self.ask(request, job)
        result["cpu_us_gateway"] = (self.gateway.cpu_seconds() - gateway) / result["requests"] * 1e6
        result["cpu_us_agent"] = (self.agent.cpu_seconds() - agent) / result["requests"] * 1e6
        return result

    def ask(self, request: bytes, job: dict[str, Any]) -> dict[str, float]:
        """Of the load generator. A failed request ends the bench."""
        result: dict[str, float] = self.load.ask({"request": request.decode("latin-1"), **job})
        if result["errors"]:
            raise SystemExit(f"{result['errors']:.0f} of {result['requests']:.0f} requests failed")
        result["rps"] = result["requests"] / result["seconds"]
        return result

    def close(self) -> None:
        self._stack.close()

    def _start(self, name: str, *arguments: object) -> Part:
        part = Part(name, *arguments)
        self._stack.callback(part.stop)
        return part

    def _add_pair(self, upstream_port: int) -> None:
        gateway = self._start("gateway", self.directory)
        ports = gateway.read()
        agent = self._start("agent", self.directory, ports["tunnel_port"], upstream_port)
        agent.read()
        self.gateways.append(gateway)
        self.agents.append(agent)
        self.ports["gateway"].append(ports["port"])
        # The gateway parks the first request until the agent has attached.
        self.ask(post("/d/bench/x", b"{}"), {"ports": [ports["port"]], "connections": 1, "seconds": 0.1})
        time.sleep(0.2)


def post(path: str, body: bytes) -> bytes:
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {TOKEN}\r\nAccept: application/json\r\n"
        f"User-Agent: bench/1\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def _stream(stream: Any) -> TextIO:
    assert stream is not None
    text: TextIO = stream
    return text


def write_certificates(directory: Path) -> None:
    now = datetime.now(UTC)
    authority = open_ca(directory, now)
    server = authority.issue_gateway("gateway-0", timedelta(days=1), now)
    key = ec.generate_private_key(ec.SECP256R1())
    csr = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(key, hashes.SHA256())
    node = authority.issue_node("bench-node", csr.public_bytes(serialization.Encoding.DER), timedelta(days=1), now)
    for name, content in {
        "bundle.pem": authority.bundle,
        "server.key": server.key,
        "server.pem": server.certificate,
        "node.key": key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ),
        "node.pem": node.pem,
    }.items():
        (directory / name).write_bytes(content)

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
    """All four parts; `ports` are where requests may go: "direct" and "gateway"."""

    def __init__(self) -> None:
        self._stack = contextlib.ExitStack()
        directory = Path(self._stack.enter_context(tempfile.TemporaryDirectory()))
        _write_certificates(directory)
        self.upstream = self._start("upstream")
        upstream_port = self.upstream.read()["port"]
        self.gateway = self._start("gateway", directory)
        ports = self.gateway.read()
        self.agent = self._start("agent", directory, ports["tunnel_port"], upstream_port)
        self.agent.read()
        self.load = self._start("load")
        self.ports = {"direct": upstream_port, "gateway": ports["port"]}
        self._until_served()

    def measure(self, port: str, request: bytes, connections: int, seconds: float) -> dict[str, float]:
        """The load's figures, with the CPU time per request of gateway and agent in microseconds."""
        gateway, agent = self.gateway.cpu_seconds(), self.agent.cpu_seconds()
        job = {"port": self.ports[port], "request": request.decode("latin-1")}
        result: dict[str, float] = self.load.ask(job | {"connections": connections, "seconds": seconds})
        if result["errors"]:
            raise SystemExit(f"{result['errors']:.0f} of {result['requests']:.0f} requests failed")
        result["rps"] = result["requests"] / result["seconds"]
        result["cpu_us_gateway"] = (self.gateway.cpu_seconds() - gateway) / result["requests"] * 1e6
        result["cpu_us_agent"] = (self.agent.cpu_seconds() - agent) / result["requests"] * 1e6
        return result

    def close(self) -> None:
        self._stack.close()

    def _start(self, name: str, *arguments: object) -> Part:
        part = Part(name, *arguments)
        self._stack.callback(part.stop)
        return part

    def _until_served(self) -> None:
        """The gateway parks the first request until the agent has attached."""
        self.load.ask(
            {
                "port": self.ports["gateway"],
                "request": post("/d/bench/x", b"{}").decode("latin-1"),
                "connections": 1,
                "seconds": 0.1,
            }
        )
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


def _write_certificates(directory: Path) -> None:
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

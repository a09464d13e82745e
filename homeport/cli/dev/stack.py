"""Control plane and agent as children, and the order in which they start and stop."""

import subprocess
import sys

from homeport.cli.dev.child import Child, ChildDied
from homeport.cli.dev.replica_processes import kill_replicas
from homeport.cli.dev.sample import Sample
from homeport.cli.dev.settings import DevSettings
from homeport.cli.dev.waiting import too_slow, wait_for
from homeport.client.contexts import Context
from homeport.core.errors import ErrorCode, HomeportError

_SERVER_START_SECONDS = 60.0
_JOIN_SECONDS = 30.0
_AGENT_STOP_SECONDS = 45.0  # it drains requests for up to 30 s, then stops its models
_HURRIED_STOP_SECONDS = 10.0
_SERVER_STOP_SECONDS = 10.0


class Stack:
    """`children` are those that run, in start order."""

    def __init__(self, settings: DevSettings, sample: Sample) -> None:
        self._settings = settings
        self._sample = sample
        self._server: Child | None = None
        self._agent: Child | None = None

    @property
    def children(self) -> list[Child]:
        return [child for child in (self._server, self._agent) if child is not None]

    @property
    def agent(self) -> Child:
        assert self._agent is not None
        return self._agent

    def start_server(self) -> Context:
        """Returns when all of its ports listen."""
        ports = self._settings.ports
        options = [text for name, port in ports.named() for text in (f"--{name}-port", str(port))]
        arguments = [
            sys.executable,
            "-m",
            "controlplane.main",
            "--data-dir",
            str(self._settings.server_dir),
            "--gateway-inside",
            *options,
        ]
        server = self._server = self._start("the control plane", "homeport-server", arguments)
        ready = wait_for(
            lambda: server.events.get("ready"),
            [server],
            _SERVER_START_SECONDS,
            lambda: too_slow("the control plane did not become ready in time", server),
        )
        token = (self._settings.server_dir / "admin-token").read_text().strip()
        return Context("dev", ready["api"], ready["gateway"], token)

    def join(self, token: str) -> str:
        """Enrols this machine with a join token; the node's id."""
        command = [sys.executable, "-m", "agent.main", "join", "--server", f"127.0.0.1:{self._settings.ports.enroll}"]
        command += ["--token", token, "--state-dir", str(self._settings.agent_dir)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=_JOIN_SECONDS, check=False)
        except subprocess.TimeoutExpired:
            raise HomeportError(ErrorCode.DEADLINE_EXCEEDED, "the agent could not join in time") from None
        if done.returncode != 0:
            lines = done.stderr.strip().splitlines() or ["no reason given"]
            raise ChildDied(lines[-1].removeprefix("homeport-agent: "), "the agent could not join", lines[:-1])
        return done.stdout.split()[-1]

    def start_agent(self) -> None:
        """It runs in the checkout: the sample's command is relative to it."""
        arguments = [sys.executable, "-m", "agent.main", "run", "--state-dir", str(self._settings.agent_dir)]
        arguments += ["--allow-driver", "process"]
        if not self._settings.keep:
            arguments.append("--stop-replicas-on-exit")
        self._agent = self._start("the agent", "homeport-agent", arguments)

    def stop(self) -> None:
        """Agent first: requests end in order while the gateway still stands. The models go with it, unless kept."""
        if self._agent is not None:
            self._agent.stop(_AGENT_STOP_SECONDS)
        if self._server is not None:
            self._server.stop(_SERVER_STOP_SECONDS)

    def force(self) -> None:
        """Nothing is waited for any more: a second SIGTERM makes the agent skip its drain, and what hangs is killed."""
        for child in reversed(self.children):
            child.stop(_HURRIED_STOP_SECONDS)
        if not self._settings.keep:
            kill_replicas(self._settings.agent_dir)

    def _start(self, name: str, program: str, arguments: list[str]) -> Child:
        self._settings.logs_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        log = self._settings.logs_dir / f"{program.removeprefix('homeport-')}.log"
        return Child(name, program, arguments, log, self._sample.root)

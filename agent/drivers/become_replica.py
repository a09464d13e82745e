"""Run by systemd for each connection to homeport-replica.socket: becomes the replica that the agent asks for.

The connection (stdin) carries two descriptors: the replica's output file, and a socket to talk by, since systemd keeps
the connection open for as long as the unit lives. On that comes one line of JSON: command, cwd, environment. The answer
is a line with pid and unit; then the socket closes because the replica's program takes over, or a second line says why
it could not.
"""

import contextlib
import json
import os
import select
import signal
import socket
import sys
from typing import Any


def main() -> None:
    with socket.socket(fileno=os.dup(0)) as connection:
        _, (output, agent_end), _, _ = socket.recv_fds(connection, 1, 2)
    agent = socket.socket(fileno=agent_end)
    with agent.makefile("rb") as lines:
        order = json.loads(lines.readline())
    _say(agent, {"pid": os.getpid(), "unit": sys.argv[1]})
    if _has_left(agent):
        # It died meanwhile. The agent after it knows of no such replica and starts its own.
        return
    try:
        _become(order, output)
    except OSError as error:
        _say(agent, {"error": error.strerror})


def _become(order: dict[str, Any], output: int) -> None:
    os.chdir(order["cwd"])
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    for number in map(int, os.listdir("/proc/self/fd")):
        if number > 2:
            with contextlib.suppress(OSError):
                os.set_inheritable(number, False)
    # Python ignores these; what is ignored stays so in the next program.
    for ignored in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(ignored, signal.SIG_DFL)
    os.execve(order["command"][0], order["command"], order["environment"])


def _has_left(agent: socket.socket) -> bool:
    poll = select.poll()
    poll.register(agent, select.POLLRDHUP)
    return bool(poll.poll(0))


def _say(agent: socket.socket, what: dict[str, Any]) -> None:
    with contextlib.suppress(OSError):
        agent.sendall(json.dumps(what).encode() + b"\n")


if __name__ == "__main__":
    main()

"""The `homeport-agent` command. argparse, since an agent stays small."""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from agent.config import RunConfig, default_state_dir
from agent.local_gateway.options import LOCAL_GATEWAY_FLAGS, local_gateway_options
from agent.policy import DRIVERS, POLICY_FILE, load_policy
from homeport import __version__
from homeport.core.errors import HomeportError
from homeport.target import listening_target


def main(arguments: Sequence[str] | None = None) -> None:
    """Exit codes: 0 done, 1 failed with one line on stderr (`doctor`: something is wrong), 2 wrong usage."""
    options = _parser().parse_args(arguments)
    try:
        options.command(options)
    except HomeportError as error:
        sys.stderr.write(f"homeport-agent: {error}\n")
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)


def _join(options: argparse.Namespace) -> None:
    from agent.link.enroll import enroll
    from agent.state.directory import StateDirectory
    from agent.state.identity import IdentityStore

    token = sys.stdin.readline() if options.token == "-" else options.token
    with StateDirectory(options.state_dir) as directory:
        identity = enroll(options.server, token, IdentityStore(directory.identity), options.name)
    sys.stdout.write(f"joined {identity.cluster_id}/{identity.nodepool_id} as node {identity.node_id}\n")


def _run(options: argparse.Namespace) -> None:
    # Before gRPC is loaded: its handlers of fork() crash children that are made while a stream is busy (one in seventy
    # here). All of ours run another program at once, which needs no such handlers.
    os.environ["GRPC_ENABLE_FORK_SUPPORT"] = "false"
    import uvloop

    from agent import daemon
    from homeport.freed_memory import keep_freed_memory
    from homeport.logging import configure_logging

    configure_logging()
    keep_freed_memory()
    uvloop.run(daemon.run(_run_config(options)))


def _stop_replicas(options: argparse.Namespace) -> None:
    import uvloop

    from agent import daemon
    from homeport.logging import configure_logging

    configure_logging()
    count = uvloop.run(daemon.stop_replicas(replace(_run_config(options), local_gateway=None, metrics="")))
    sys.stdout.write(f"stopped {count} replicas\n")


def _status(options: argparse.Namespace) -> None:
    from agent.local_api.local_api import ask
    from agent.local_api.status import render
    from agent.state.directory import StateDirectory

    answer = ask(StateDirectory(options.state_dir).socket, "status")
    sys.stdout.write((json.dumps(answer, indent=2) if options.json else render(answer)) + "\n")


def _metrics(options: argparse.Namespace) -> None:
    from agent.local_api.local_api import ask
    from agent.state.directory import StateDirectory

    sys.stdout.write(ask(StateDirectory(options.state_dir).socket, "metrics")["text"])


def _doctor(options: argparse.Namespace) -> None:
    from agent.doctor.examine import examine
    from agent.doctor.finding import Host, Verdict
    from agent.doctor.report import render, to_plain

    host = Host(options.state_dir, options.policy, options.server)
    findings = examine(host)
    as_json = options.output == "json"
    sys.stdout.write((json.dumps(to_plain(findings), indent=2) if as_json else render(findings)) + "\n")
    if any(finding.verdict is Verdict.FAIL for finding in findings):
        sys.exit(1)


def _run_config(options: argparse.Namespace) -> RunConfig:
    policy = load_policy(options.policy)
    if options.allow_driver:
        policy = replace(policy, drivers=tuple(dict.fromkeys(options.allow_driver)))
    given = {name: getattr(options, f"local_gateway_{name}", "") for name in LOCAL_GATEWAY_FLAGS}
    local_gateway = {**policy.local_gateway, **{name: value for name, value in given.items() if value}}
    metrics = options.metrics or policy.metrics
    if metrics:
        listening_target(metrics)
    return RunConfig(
        state_dir=options.state_dir,
        policy=policy,
        name=options.name,
        stop_replicas_on_exit=options.stop_replicas_on_exit,
        local_gateway=local_gateway_options(local_gateway) if local_gateway else None,
        metrics=metrics,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="homeport-agent", description="Runs models on this host for a Homeport control plane."
    )
    parser.add_argument("--version", action="version", version=f"homeport-agent {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    join = commands.add_parser("join", help="make this host a node of a nodepool")
    join.add_argument("--server", required=True, metavar="HOST:8442", help="the control plane's enrollment port")
    join.add_argument("--token", required=True, help="a join token, good for one host; - reads it from stdin")
    join.set_defaults(command=_join)

    run = commands.add_parser("run", help="run the agent")
    run.add_argument(
        "--allow-driver",
        action="append",
        default=[],
        choices=DRIVERS,
        help="what may run models here, in place of what the policy file says; may be given several times",
    )
    run.add_argument(
        "--stop-replicas-on-exit", action="store_true", help="stop the models with the agent; they run on otherwise"
    )
    run.add_argument(
        "--metrics",
        default="",
        metavar="HOST:PORT",
        help="serve /metrics there, to whoever can reach it: 127.0.0.1:9464 is for this host alone (default: nowhere)",
    )
    for name, (metavar, text) in LOCAL_GATEWAY_FLAGS.items():
        flag = "--local-gateway" if name == "clients" else f"--local-gateway-{name.replace('_', '-')}"
        run.add_argument(flag, dest=f"local_gateway_{name}", default="", metavar=metavar, help=text)
    run.set_defaults(command=_run)

    stop = commands.add_parser("stop-replicas", help="stop all models of this host; the agent must not run")
    stop.set_defaults(command=_stop_replicas, name="", allow_driver=[], stop_replicas_on_exit=True, metrics="")

    status = commands.add_parser("status", help="ask the running agent how it is")
    status.add_argument("--json", action="store_true", help="one JSON object")
    status.set_defaults(command=_status)

    metrics = commands.add_parser("metrics", help="the running agent's metrics, in Prometheus' text format")
    metrics.set_defaults(command=_metrics)

    doctor = commands.add_parser("doctor", help="look for what keeps this host from serving, each with its fix")
    doctor.add_argument("--server", default="", metavar="HOST:8442", help="before the host has joined: where it will")
    doctor.add_argument("--output", choices=("table", "json"), default="table")
    doctor.set_defaults(command=_doctor)

    for command in (join, run, stop, status, metrics, doctor):
        command.add_argument("--state-dir", type=Path, default=default_state_dir(), help="default: %(default)s")
    for command in (run, stop, doctor):
        command.add_argument("--policy", type=Path, default=POLICY_FILE, help="default: %(default)s")
    for command in (join, run):
        command.add_argument("--name", default="", help="the node's name; default: the hostname")
    return parser


if __name__ == "__main__":
    main()

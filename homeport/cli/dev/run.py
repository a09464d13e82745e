"""The course of one `homeport dev`."""

import signal
import time
from typing import Any, NoReturn

from homeport.cli.dev.ask import ask_once
from homeport.cli.dev.enrolment import Enrolment
from homeport.cli.dev.preflight import check_ports, only_one
from homeport.cli.dev.progress import Progress
from homeport.cli.dev.sample import DEPLOYMENT, NODEPOOL, Sample, find_sample
from homeport.cli.dev.settings import DevSettings
from homeport.cli.dev.stack import Stack
from homeport.cli.dev.summary import print_summary
from homeport.cli.dev.waiting import too_slow, wait_for
from homeport.client.contexts import Context, ContextFile
from homeport.client.documents import read_documents
from homeport.client.resource import Resource
from homeport.client.sync_client import Client
from homeport.core.errors import ErrorCode, HomeportError

_NODE_SECONDS = 30.0
_REPLICA_SECONDS = 120.0


def run(settings: DevSettings) -> None:
    """Returns after Ctrl-C, with `once` after the answer. Whatever was started is stopped. Raises HomeportError."""
    sample = find_sample()
    with only_one(settings.data_dir):
        check_ports(settings.ports)
        # All end it in the same way; SIGINT too where it was started with `&`, which makes shells ignore it.
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.default_int_handler)
        stack = Stack(settings, sample)
        try:
            _run(settings, sample, stack)
        finally:
            _stop(settings, stack)


def _run(settings: DevSettings, sample: Sample, stack: Stack) -> None:
    progress = Progress()
    print(f"Homeport on this machine; data in {settings.data_dir}")
    with progress.step("control plane starting") as step:
        context = stack.start_server()
        step.outcome = f"ready at {context.api}"
    _save(context)
    with Client(context) as client:
        with progress.step(f"applying {sample.documents.relative_to(sample.root)}") as step:
            step.outcome = _apply_sample(client, sample)
        _bring_up_node(settings, stack, client, progress)
        with progress.step("model SmolLM2-135M starting") as step:
            step.outcome = _wait_for_replica(client, stack)
        ready = progress.elapsed()
        print(f"Ready after {ready:.1f} s.\n", flush=True)
        if settings.once:
            ask_once(client, DEPLOYMENT, settings.message, progress, ready)
            return
        try:
            print_summary(context, sample)
            _watch_over(stack)
        except KeyboardInterrupt:
            print()


def _save(context: Context) -> None:
    file = ContextFile.load()
    file.put(context, make_current=True)
    file.save()


def _apply_sample(client: Client, sample: Sample) -> str:
    documents = read_documents(str(sample.documents))
    try:
        results = client.apply([document.plain for document in documents])
    except HomeportError as error:
        if error.code is ErrorCode.CONFLICT:
            hint = "this data directory holds another version of the sample: start with a fresh --data-dir"
            raise HomeportError(error.code, error.message, path=error.path, hint=hint) from None
        raise
    actions = [result.action for result in results]
    return ", ".join(f"{actions.count(action)} {action}" for action in dict.fromkeys(actions))


def _bring_up_node(settings: DevSettings, stack: Stack, client: Client, progress: Progress) -> None:
    enrolment = Enrolment(settings, client.status()["store_id"])
    if not enrolment.holds():
        with progress.step("agent joining with a join token"):
            enrolment.forget(client)
            enrolment.note(stack.join(client.create_join_token(NODEPOOL)["token"]))
    with progress.step("agent starting") as step:
        stack.start_agent()
        node = wait_for(
            lambda: _ready_node(client),
            stack.children,
            _NODE_SECONDS,
            lambda: too_slow("the node did not become ready in time", stack.agent),
        )
        step.outcome = f"node {node.spec['name']} ready"


def _ready_node(client: Client) -> Resource | None:
    nodes = client.nodes.list(nodepool=NODEPOOL)
    return next((node for node in nodes if node.status["status"] == "ready"), None)


def _wait_for_replica(client: Client, stack: Stack) -> str:
    def poll() -> dict[str, Any] | None:
        status = client.deployments.get(DEPLOYMENT).status
        if status["phase"] == "failed":
            raise _not_ready(status)
        replicas = client.replicas(deployment=DEPLOYMENT) if status["phase"] == "ready" else []
        return next((replica for replica in replicas if replica["status"] == "ready"), None)

    def problem() -> HomeportError:
        return _not_ready(client.deployments.get(DEPLOYMENT).status)

    replica = wait_for(poll, stack.children, _REPLICA_SECONDS, problem)
    return f"{DEPLOYMENT} ready on {replica['node_name']}"


def _not_ready(status: dict[str, Any]) -> HomeportError:
    """Why the model did not start, or why no node takes it."""
    reasons = [status["reason"], *(f"{r['node_name']} has {r['have']} of {r['need']}" for r in status["rejections"])]
    return HomeportError(
        ErrorCode.UPSTREAM_FAILED,
        f"{DEPLOYMENT} is {status['phase']}: {'; '.join(filter(None, reasons)) or 'no reason given'}",
        hint="if its environment is broken: rm -r .models, then make setup",
    )


def _watch_over(stack: Stack) -> NoReturn:
    """Raises ChildDied when one of the programs ends by itself."""
    while True:
        for child in stack.children:
            child.check()
        time.sleep(0.5)


def _stop(settings: DevSettings, stack: Stack) -> None:
    if not stack.children:
        return
    began = time.monotonic()
    what = "the agent and the control plane; the model stays up" if settings.keep else "the model and everything else"
    print(f"Stopping {what} ...", end=" ", flush=True)
    try:
        stack.stop()
    except KeyboardInterrupt:
        stack.force()
    print(f"done in {time.monotonic() - began:.1f} s.", flush=True)

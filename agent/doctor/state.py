"""The state directory: whose it is, who may read it, and whether an identity is in it."""

import os
import pwd
import stat
from dataclasses import dataclass

from agent.doctor.finding import Finding, Host, fail, ok, warn
from agent.state.identity import IdentityStore
from homeport.core.errors import HomeportError

_CHECK = "state"


@dataclass(frozen=True, slots=True)
class Folder:
    """`mode` is that of chmod."""

    path: str
    owner: str
    mode: int
    writable: bool


def check_state(host: Host) -> list[Finding]:
    try:
        facts = host.state_dir.stat()
    except FileNotFoundError:
        return [warn(_CHECK, f"{host.state_dir} does not exist", "this host has not joined: homeport-agent join")]
    except OSError as error:
        return [fail(_CHECK, f"{host.state_dir}: {error.strerror}", "run the doctor as root or as the agent's user")]
    try:
        owner = pwd.getpwuid(facts.st_uid).pw_name
    except KeyError:
        owner = str(facts.st_uid)
    mode = stat.S_IMODE(facts.st_mode)
    folder = Folder(str(host.state_dir), owner, mode, os.access(host.state_dir, os.W_OK))
    finding = judge_folder(folder)
    return [finding] if finding.fix else [finding, _identity(host)]


def judge_folder(folder: Folder) -> Finding:
    if not folder.writable:
        return fail(
            _CHECK,
            f"{folder.path} is not writable",
            f"run the doctor as root or as {folder.owner}; if you do, the disk is read-only: mend it, mount it anew",
        )
    if folder.mode & 0o077:
        return fail(
            _CHECK,
            f"{folder.path} (mode {folder.mode:o}) is open to others, and holds the node's private key",
            f"chmod 700 {folder.path}",
        )
    return ok(_CHECK, f"{folder.path} belongs to {folder.owner} alone")


def _identity(host: Host) -> Finding:
    try:
        identity = IdentityStore(host.state_dir / "identity").load()
    except HomeportError as error:
        return fail(_CHECK, error.message, error.hint)
    if identity is None:
        return warn(_CHECK, "this host has not joined", "homeport node add on the control plane says how")
    return ok(_CHECK, f"node {identity.node_id} in {identity.cluster_id}/{identity.nodepool_id}")

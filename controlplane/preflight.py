"""What can be told before the program is loaded: loading takes longer than this may take to say."""

from contextlib import suppress

from controlplane.config import ServerConfig
from controlplane.ports import reserve
from controlplane.store.filelock import FileLock


def check(config: ServerConfig) -> None:
    """Raises HomeportError when another server has these data or ports. Gateway and tunnel ports are not looked at: a
    gateway of an earlier run may hold them for this one."""
    if not config.database and config.data_dir.is_dir():
        lock = FileLock(config.data_dir.absolute() / "store.lock")
        with suppress(OSError):  # whoever opens the store says what is wrong with the folder
            lock.acquire()
            lock.release()
    for host, port, flag in (
        (config.host, config.api_port, "--api-port"),
        (config.agent_host, config.session_port, "--session-port"),
        (config.agent_host, config.enroll_port, "--enroll-port"),
    ):
        reserve(host, port, flag).close()

"""A private PostgreSQL cluster in a temporary directory, reachable through a unix socket only."""

import contextlib
import os
import pwd
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

BINARIES = Path("/usr/lib/postgresql/15/bin")


def is_installed() -> bool:
    return (BINARIES / "initdb").exists()


class PostgresqlCluster:
    def __init__(self, directory: Path, user: str | None) -> None:
        self._directory = directory
        self._user = user

    def start(self) -> None:
        data = self._directory / "data"
        self._run("initdb", "-D", data, "-U", "postgres", "-A", "trust", "--no-sync")
        # fsync is off: what a crash of PostgreSQL leaves is PostgreSQL's own affair.
        options = f"-c listen_addresses='' -k {self._directory} -c fsync=off"
        self._run("pg_ctl", "-D", data, "-w", "-t", "60", "-l", self._directory / "log", "-o", options, "start")

    def stop(self) -> None:
        self._run("pg_ctl", "-D", self._directory / "data", "-m", "immediate", "-w", "-t", "60", "stop")

    def new_database(self) -> str:
        """The URL of an empty database."""
        name = f"test_{uuid.uuid4().hex}"
        self._run("createdb", "-h", self._directory, "-U", "postgres", name)
        return f"postgresql+psycopg://postgres@/{name}?host={self._directory}"

    def disconnect_clients(self, url: str) -> None:
        """Cuts every connection to that database, as a restart of the server would."""
        name = url.partition("@/")[2].partition("?")[0]
        query = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
        self._run("psql", "-h", self._directory, "-U", "postgres", "-c", query, "postgres")

    def _run(self, program: str, *arguments: object) -> None:
        command = [str(BINARIES / program), *map(str, arguments)]
        result = subprocess.run(
            command, user=self._user, cwd=self._directory, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=90
        )
        if result.returncode:
            raise RuntimeError(f"{program} failed: {result.stdout.decode(errors='replace')}")


@contextlib.contextmanager
def running_cluster() -> Iterator[PostgresqlCluster]:
    """PostgreSQL refuses to run as root, so root runs it as `postgres`."""
    directory = Path(tempfile.mkdtemp(prefix="hp-pg-", dir="/tmp"))
    user = None
    if os.geteuid() == 0:
        user = "postgres"
        os.chown(directory, pwd.getpwnam(user).pw_uid, -1)
    cluster = PostgresqlCluster(directory, user)
    try:
        cluster.start()
        try:
            yield cluster
        finally:
            cluster.stop()
    finally:
        shutil.rmtree(directory, ignore_errors=True)

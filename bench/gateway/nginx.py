"""nginx in front of the same model server: a reverse proxy without tunnel, checks or accounting, to compare with."""

import socket
import subprocess
import time
from pathlib import Path

import psutil

_CONFIG = """
daemon off; pid {folder}/nginx.pid; worker_processes 1; error_log stderr crit;
events {{ worker_connections 4096; }}
http {{
    access_log off; keepalive_requests 1000000000; client_max_body_size 0;
    client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder}; uwsgi_temp_path {folder};
    scgi_temp_path {folder};
    upstream model {{ server 127.0.0.1:{upstream}; keepalive 1024; keepalive_requests 1000000000; }}
    server {{
        listen 127.0.0.1:{port} backlog=2048;
        location / {{
            proxy_pass http://model; proxy_http_version 1.1; proxy_set_header Connection "";
            proxy_buffering off; proxy_request_buffering off;
        }}
    }}
}}
"""


class Nginx:
    """Of one worker, as our gateway is one process."""

    def __init__(self, folder: Path, upstream_port: int) -> None:
        self.port = _free_port()
        config = folder / "nginx.conf"
        config.write_text(_CONFIG.format(folder=folder, upstream=upstream_port, port=self.port))
        try:
            self._process = subprocess.Popen(["nginx", "-p", str(folder), "-c", str(config)])
        except FileNotFoundError:
            raise SystemExit(
                "nginx is not installed: apt-get install nginx-light, or leave it out with --no-nginx"
            ) from None
        self._until_it_listens()
        (worker,) = psutil.Process(self._process.pid).children()
        self._worker = worker

    def cpu_seconds(self) -> float:
        times = self._worker.cpu_times()
        return float(times.user + times.system)

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(10)

    def _until_it_listens(self) -> None:
        end = time.monotonic() + 10
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
            except OSError:
                if time.monotonic() > end or self._process.poll() is not None:
                    raise SystemExit("nginx did not start") from None
                time.sleep(0.05)
            else:
                return


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port

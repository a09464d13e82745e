"""A model for system tests, started as a process replica: `python echo_model.py PORT`. Standard library only.

POST anything: answers with the body and its own pid. POST /v1/chat/completions: streams five server-sent events.
GET /slow: begins to stream and goes on for a minute; `/cancelled` then tells how many streams the caller left.
"""

import contextlib
import http.server
import json
import os
import sys
import time
from http import HTTPStatus


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    cancelled = 0

    def do_GET(self) -> None:
        if self.path == "/slow":
            self._stream(600, 0.1)
        elif self.path == "/cancelled":
            self._answer({"cancelled": Handler.cancelled})
        else:
            self._answer({"status": "ok"})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        if self.path == "/v1/chat/completions":
            self._stream(5, 0.02)
        else:
            self._answer({"pid": os.getpid(), "body": body.decode(), "headers": sorted(self.headers)})

    def log_message(self, format: str, *args: object) -> None:
        with contextlib.suppress(OSError):  # a full disk
            sys.stdout.write(f"{self.command} {self.path}\n")
            sys.stdout.flush()

    def _answer(self, value: object) -> None:
        body = json.dumps(value).encode()
        self.send_response(HTTPStatus.OK)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _stream(self, events: int, pause: float) -> None:
        self.send_response(HTTPStatus.OK)
        self.send_header("content-type", "text/event-stream")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        try:
            for number in range(events):
                data = f"data: {number}\n\n".encode()
                self.wfile.write(b"%x\r\n%b\r\n" % (len(data), data))
                time.sleep(pause)
            self.wfile.write(b"0\r\n\r\n")
        except OSError:
            Handler.cancelled += 1


if __name__ == "__main__":
    http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()

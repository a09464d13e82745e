"""A stand-in for a model: streams a number every 100 ms for as long as its caller stays, and says where it runs.

python model.py PORT
"""

import json
import os
import socket
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.path.startswith("/stream"):
            self._stream()
        else:
            self._answer()

    def _answer(self) -> None:
        body = json.dumps({"address": own_address(), "pid": os.getpid()}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _stream(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        number = 0
        try:
            while True:
                self.wfile.write(f"data: {number} {own_address()} {os.getpid()}\n\n".encode())
                self.wfile.flush()
                number += 1
                time.sleep(0.1)
        except OSError:
            self.close_connection = True


def own_address() -> str:
    """The address of this site, by which the demo tells the two apart."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as route:
        route.connect(("10.231.0.1", 9))
        address: str = route.getsockname()[0]
        return address


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()

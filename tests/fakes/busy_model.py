"""A model that is busy by itself: `python busy_model.py PORT FILE`. Standard library only.

About a tenth of a core burns while FILE says `burn`; GET /metrics tells a number of jobs, which stands in FILE
otherwise.
"""

import http.server
import sys
import threading
import time
from pathlib import Path

_BURN_SECONDS, _REST_SECONDS = 0.003, 0.02


class Handler(http.server.BaseHTTPRequestHandler):
    said: Path

    def do_GET(self) -> None:
        text = self.said.read_text().strip()
        jobs = 0 if text == "burn" else int(text or 0)
        page = f'# TYPE jobs_waiting gauge\njobs_waiting{{queue="a"}} {jobs}\njobs_waiting{{queue="b"}} 0\n'.encode()
        self.send_response(200)
        self.send_header("content-length", str(len(page)))
        self.end_headers()
        self.wfile.write(page)

    def log_message(self, format: str, *args: object) -> None:
        pass


def burn(said: Path) -> None:
    while True:
        until = time.monotonic() + _BURN_SECONDS if said.read_text().strip() == "burn" else 0.0
        while time.monotonic() < until:
            pass
        time.sleep(_REST_SECONDS)


if __name__ == "__main__":
    Handler.said = Path(sys.argv[2])
    threading.Thread(target=burn, args=(Handler.said,), daemon=True).start()
    http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()

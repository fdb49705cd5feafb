"""`make ui`: Dagster's web UI and daemon on 127.0.0.1, and beside them a server of the reports that the UI links to."""

import argparse
import functools
import os
import signal
import subprocess
import sys
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from orchestration.settings import lake_root

# Dagster says so of its own command, whose successor needs another layout of the project.
IGNORED = "ignore:Function `dev_command` is superseded"


class QuietHandler(SimpleHTTPRequestHandler):
    """Serves files without a line for each request."""

    def log_message(self, format: str, *args: object) -> None:
        return


def serve_reports(folder: Path, port: int) -> ThreadingHTTPServer:
    """Serves `folder` on 127.0.0.1 in a thread; the caller shuts it down."""
    folder.mkdir(parents=True, exist_ok=True)
    server = ThreadingHTTPServer(("127.0.0.1", port), functools.partial(QuietHandler, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def main() -> int:
    """Runs until interrupted."""
    parser = argparse.ArgumentParser(description="Opens the web UI of Parlance.")
    parser.add_argument("--port", type=int, default=3000, help="port of the web UI")
    parser.add_argument("--report-port", type=int, default=3001, help="port of the reports")
    options = parser.parse_args()
    server = None if "://" in lake_root() else serve_reports(Path(lake_root(), "files", "report"), options.report_port)
    print(f"Opening the web UI on http://127.0.0.1:{options.port} (Ctrl-C ends it)", flush=True)
    command = [sys.executable, "-m", "dagster", "dev", "--host", "127.0.0.1", "--port", str(options.port)]
    environment = {**os.environ, "PYTHONWARNINGS": f"{os.environ.get('PYTHONWARNINGS', '')},{IGNORED}".strip(",")}
    # What a script starts in the background ignores SIGINT, and Dagster does with SIGTERM what is done with SIGINT.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    process = subprocess.Popen(command, env=environment)
    signal.signal(signal.SIGTERM, lambda *_: process.terminate())
    try:
        return process.wait()
    except KeyboardInterrupt:  # Ctrl-C reaches the process too: it stops its services
        return process.wait()
    finally:
        if server is not None:
            server.shutdown()


if __name__ == "__main__":
    sys.exit(main())

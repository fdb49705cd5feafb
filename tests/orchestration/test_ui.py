"""The server of reports beside the web UI."""

import urllib.request
from pathlib import Path

from orchestration.ui import serve_reports


def test_reports_are_served_on_loopback_alone(tmp_path: Path) -> None:
    (tmp_path / "v1").mkdir()
    (tmp_path / "v1" / "report.html").write_text("<p>hello")
    server = serve_reports(tmp_path, 0)
    try:
        host, port = server.server_address[:2]
        assert host == "127.0.0.1"
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/v1/report.html", timeout=10) as answer:
            assert answer.read() == b"<p>hello"
    finally:
        server.shutdown()
        server.server_close()

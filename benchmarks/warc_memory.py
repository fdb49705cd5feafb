"""Peak memory and time of reading a WARC file of two gigabytes, each step in a process of its own.

Run: python -m benchmarks.warc_memory [megabytes] (2,100 where not given).
"""

import random
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

PAGE_BYTES = 60_000
LONG_PAGE_BYTES = 20_000_000
LONG_EVERY = 800
LENGTHS = range(2, 12)

STEPS = {
    "nothing": "from parlance.lake import Lake; from parlance.sources import warc",
    "warc.raw": """
from parlance.sources import warc
print(sum(batch.num_rows for batch in warc.raw(path, partition="x")))
""",
    "raw table": """
from parlance.lake import Lake
from parlance.sources import warc
written = Lake(root=root).table("dump/raw").replace(warc.raw(path, partition="x"), ["x"])
print(written.rows)
""",
    "documents": """
from parlance.lake import Lake
from parlance.sources import web_documents
from parlance.stages.lanes import write_documents
write_documents(Lake(root=root), "dump", web_documents.documents, ["x"], grouped=False)
""",
}
REPORT = """
import re, time
from pathlib import Path
# Not ru_maxrss, which a process takes over from the one that started it.
peak_kb = int(re.search(r"VmHWM:\\s+([0-9]+)", Path("/proc/self/status").read_text())[1])
print(peak_kb * 1024, time.process_time())
"""


@dataclass(frozen=True)
class Peak:
    """What one step took."""

    step: str
    peak_bytes: int
    cpu_s: float


def write_warc(path: Path, *, size_bytes: int, seed: int = 1) -> None:
    """A WARC file of pages of 60 KB in made-up words, every 800th of 20 MB."""
    chance = random.Random(seed)
    words = ["".join(chance.choices("abcdefghijklmnopqrstuvwxyz", k=chance.choice(LENGTHS))) for _ in range(20_000)]
    paragraphs = [f"<p>{' '.join(chance.choices(words, k=80))}.</p>\n" for _ in range(4_000)]
    written, number = 0, 0
    with path.open("wb") as file:
        while written < size_bytes:
            number += 1
            target = (
                LONG_PAGE_BYTES if number % LONG_EVERY == 0 else chance.randint(PAGE_BYTES // 2, 3 * PAGE_BYTES // 2)
            )
            body = "".join(chance.choices(paragraphs, k=target // len(paragraphs[0])))
            written += file.write(_record(number, f"<html><body>{body}</body></html>".encode()))


def peak(step: str, path: Path, root: Path) -> Peak:
    """Runs `step` on the file at `path` and the lake at `root` in a process of its own."""
    program = f"path, root = {str(path)!r}, {str(root)!r}\n{STEPS[step]}\n{REPORT}"
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    peak_bytes, cpu_s = done.stdout.splitlines()[-1].split()
    return Peak(step, int(peak_bytes), float(cpu_s))


def main() -> None:
    from rich.console import Console
    from rich.table import Table

    megabytes = int(sys.argv[1]) if len(sys.argv) > 1 else 2_100
    table = Table("step", "peak MB", "CPU s", title=f"WARC of {megabytes} MB", title_justify="left")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "pages.warc"
        write_warc(path, size_bytes=megabytes * 1_000_000)
        for step in STEPS:
            one = peak(step, path, Path(folder) / "lake")
            table.add_row(one.step, f"{one.peak_bytes / 1e6:.0f}", f"{one.cpu_s:.1f}")
    Console().print(table)


def _record(number: int, body: bytes) -> bytes:
    block = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n" + body
    return b"".join(
        (
            b"WARC/1.1\r\nWARC-Type: response\r\nWARC-Record-ID: <urn:uuid:%012d>\r\n" % number,
            b"WARC-Target-URI: https://pages.example/%d\r\nWARC-Date: 2026-10-05T12:00:00Z\r\n" % number,
            b"Content-Type: application/http; msgtype=response\r\nContent-Length: %d\r\n\r\n" % len(block),
            block,
            b"\r\n\r\n",
        )
    )


if __name__ == "__main__":
    main()

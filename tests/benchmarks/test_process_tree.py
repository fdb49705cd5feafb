import subprocess
import sys

from benchmarks import process_tree

HOLDS_MB = "import time; held = bytearray(b'x' * {megabytes} * 1_000_000); time.sleep(1)"


def test_the_peak_is_that_of_a_process_and_its_children() -> None:
    child = HOLDS_MB.format(megabytes=60)
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}], check=True)"
    with subprocess.Popen([sys.executable, "-c", parent], text=True) as process:
        assert 60e6 < process_tree.peak_bytes(process) < 200e6


def test_a_process_alone_is_left_to_itself() -> None:
    with subprocess.Popen([sys.executable, "-c", "pass"], text=True) as process:
        assert process_tree.peak_bytes(process) == 0

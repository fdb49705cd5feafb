"""A wall clock that a driver steps: `month_clock.c` in every process of a deployment, one file that says how far off.

It needs a C compiler (`cc`) and glibc. libfaketime 0.9.10, as Debian 12 has it, will not do: where monotonic clocks are
left alone every `time.sleep` of Python fails with EINVAL there, and where they are not, a step lets timeouts pass.
"""

import os
import shutil
import struct
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from parlance.errors import ConfigError

SOURCE = Path(__file__).with_suffix(".c")


def compiled(folder: Path) -> Path:
    """The library, compiled into `folder`. Raises ConfigError where there is no C compiler."""
    compiler = shutil.which("cc")
    if compiler is None:
        raise ConfigError("cc is not in PATH; the clock of the simulated month needs a C compiler: apt-get install gcc")
    made = folder / "month_clock.so"
    options = ("-shared", "-fPIC", "-O2", "-Wall", "-Werror", "-Wno-nonnull-compare")
    subprocess.run([compiler, *options, "-o", str(made), str(SOURCE), "-ldl"], check=True)
    return made


@dataclass
class Clock:
    """The time by `file` for whoever runs under `library`: the machine's, `offset_s` off, and what long sleeps added.

    It runs, and is stepped.
    """

    library: Path
    file: Path
    offset_s: int = 0

    def __post_init__(self) -> None:
        self.file.write_bytes(struct.pack("=qq", self.offset_s, 0))

    def now(self) -> float:
        """Seconds since 1970 for whoever lives by the clock."""
        return time.time() + self.offset_s + self._slept()

    def set(self, seconds: float) -> None:
        """Steps to a time, for all at once, and goes on from there. Raises ValueError where that would be back."""
        if self.offset_s and seconds < self.now():
            raise ValueError(f"{seconds} is {self.now() - seconds:.0f} s ago; a clock goes forward")
        self.offset_s = int(seconds - time.time()) - self._slept()
        with self.file.open("r+b") as file:  # the mapping is of this very file
            file.write(struct.pack("=q", self.offset_s))

    def step(self, seconds: float) -> float:
        """Goes on by so many seconds at once; gives the time then."""
        self.set(self.now() + seconds)
        return self.now()

    def _slept(self) -> int:
        """Seconds by which those who live by the clock stepped it in place of a long sleep."""
        (slept,) = struct.unpack_from("=q", self.file.read_bytes(), 8)
        return int(slept)

    def environment(self) -> dict[str, str]:
        """What a process needs to live by this clock; its children inherit it."""
        preloaded = [str(self.library), *filter(None, [os.environ.get("LD_PRELOAD")])]
        return {"LD_PRELOAD": ":".join(preloaded), "PARLANCE_MONTH_CLOCK": str(self.file)}

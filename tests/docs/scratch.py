"""A copy of the project and of a home in which the commands of the documentation run."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from tests.docs.pages import ROOT, Block

# The parts of the project that commands need; what is made or hidden stays behind.
COPIED = ("assets", "docs", "orchestration", "parlance", "profiles", "recipes", "resources", "sample")
LINKED = {".py", ".pyc", ".nbi", ".nbc"}  # compiled kernels are found again, since their sources are the same files
NOT_OURS = ("PARLANCE", "SLACK", "AWS", "DAGSTER", "MAKE", "MFLAGS")
HOME, OTHER_HOME = ".parlance", ".parlance-mine"
LIMIT_S = 900


@dataclass(frozen=True)
class Scratch:
    """The copy's folder. What a command exports is there for the commands after it."""

    root: Path
    written: list[Path] = field(default_factory=list)

    @property
    def state(self) -> Path:
        return self.root / ".state"

    def run(self, block: Block) -> str:
        """Runs the block as a shell does, and gives what it printed; fails where a command of it did."""
        return self._shell(block, block.code)

    def planned(self, block: Block) -> list[str]:
        """The commands that `make` would run for the commands of the block."""
        assert all(command.startswith("make ") for command in block.commands), block.place
        code = block.code.replace("make ", "make --dry-run ")
        return [line for line in self._shell(block, code).splitlines() if line]

    def write(self, block: Block) -> None:
        """Writes the file that the block is."""
        path = self.root / str(block.file)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)  # never through a link
        path.write_text(block.code, encoding="utf-8")
        self.written.append(path)

    def remove_written(self) -> None:
        """What a page adds, such as a lane, is not there for the next page."""
        while self.written:
            self.written.pop().unlink(missing_ok=True)

    def forget(self) -> None:
        """What was exported so far is there no more."""
        self.state.write_text("", encoding="utf-8")

    def _shell(self, block: Block, code: str) -> str:
        script = f". {self.state}\n{code}\nexport -p > {self.state}\n"
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=self.root, env=self._environment(), capture_output=True, text=True, timeout=LIMIT_S, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{block.place}\n{block.code}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
        return done.stdout

    def _environment(self) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(NOT_OURS)}
        return inherited | {"PYTHONPATH": str(self.root), "PARLANCE_SPEECH_ACTS": "light", "COLUMNS": "160"}


def new_scratch(root: Path, *, home: Path) -> Scratch:
    """A copy of the project at `root`, with a copy of `home` under both names that the pages use."""
    root.mkdir()
    for name in COPIED:
        shutil.copytree(ROOT / name, root / name, copy_function=_linked_or_copied)
    for file in ROOT.iterdir():
        if file.is_file() and not file.name.startswith("."):
            shutil.copy2(file, root)
    _environment_of(root)
    shutil.copytree(home, root / HOME, symlinks=True)  # a version is a link
    (root / OTHER_HOME).symlink_to(HOME)
    made = Scratch(root)
    made.forget()
    return made


def _linked_or_copied(source: str, target: str) -> None:
    if Path(source).suffix in LINKED:
        Path(target).symlink_to(source)
    else:
        shutil.copy2(source, target)


def _environment_of(root: Path) -> None:
    """`.venv` is this interpreter's environment; its stamp is new, so that `make` installs nothing."""
    environment = root / ".venv"
    environment.mkdir()
    for path in Path(sys.prefix).iterdir():
        if path.name != ".installed":
            (environment / path.name).symlink_to(path)
    (environment / ".installed").touch()

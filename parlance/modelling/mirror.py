"""A copy of a run's checkpoints in the lake, for a run on a machine that may vanish with its disk. Loads no torch."""

from dataclasses import dataclass
from pathlib import Path

import fsspec

from parlance.modelling.checkpoints import BEST, FINGERPRINT, STATE, complete_checkpoints


@dataclass(frozen=True, kw_only=True)
class Mirror:
    """`folder`, which holds checkpoints, and its copy at `uri`: a folder or a prefix such as `s3://bucket/prefix`.

    A checkpoint's state is copied after all else of it, so that a copy that was cut short is incomplete as its
    original would be.
    """

    folder: Path
    uri: str

    def fetch(self) -> None:
        """Fills the folder from the copy, unless there is something in it: what is here is newer."""
        fs, home = fsspec.url_to_fs(self.uri)
        if (self.folder / FINGERPRINT).exists() or not fs.exists(f"{home}/{FINGERPRINT}"):
            return
        for path in fs.find(home):
            target = self.folder / path.removeprefix(f"{home}/")
            target.parent.mkdir(parents=True, exist_ok=True)
            fs.get_file(path, str(target))

    def store(self) -> None:
        """Makes the copy equal to what is complete in the folder."""
        fs, home = fsspec.url_to_fs(self.uri)
        fs.invalidate_cache()  # of listings
        known = {path.removeprefix(f"{home}/") for path in fs.find(home)} if fs.exists(home) else set()
        # A checkpoint stays as it is; the best weights of a step may be written anew by a run that went on before it.
        wanted = [name for name in self._names() if not name.startswith("checkpoint-") or name not in known]
        for name in wanted:
            fs.makedirs(f"{home}/{name}".rpartition("/")[0], exist_ok=True)
            fs.put_file(str(self.folder / name), f"{home}/{name}")
        for name in sorted(known - set(self._names()), key=lambda name: not name.endswith(STATE)):
            fs.rm_file(f"{home}/{name}")

    def remove(self) -> None:
        """Removes the copy."""
        fs, home = fsspec.url_to_fs(self.uri)
        if fs.exists(home):
            fs.rm(home, recursive=True)

    def _names(self) -> list[str]:
        """Files in the order in which they are copied: a checkpoint after the weights that it refers to, state last."""
        files = [path for checkpoint in complete_checkpoints(self.folder) for path in checkpoint.rglob("*")]
        ordered = sorted((path for path in files if path.is_file()), key=lambda path: path.name == STATE)
        first = [self.folder / FINGERPRINT, *sorted(self.folder.glob(BEST.format("*")))]
        return [path.relative_to(self.folder).as_posix() for path in [*first, *ordered] if path.exists()]

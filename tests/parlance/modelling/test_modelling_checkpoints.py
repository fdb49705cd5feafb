"""Which checkpoint a run goes on from, and what its name depends on."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parlance.modelling import FinetuningSettings, PretrainingSettings, fingerprint
from parlance.modelling.checkpoints import FINGERPRINT, STATE, latest_checkpoint


def write_checkpoint(folder: Path, step: int, *, state: str | None = None) -> Path:
    checkpoint = folder / f"checkpoint-{step}"
    checkpoint.mkdir(parents=True)
    (checkpoint / "optimizer.pt").write_bytes(b"state")
    (checkpoint / STATE).write_text(json.dumps({"global_step": step}) if state is None else state)
    return checkpoint


def test_a_new_folder_is_made_and_has_no_checkpoint(tmp_path: Path) -> None:
    assert latest_checkpoint(tmp_path / "new", fingerprint="a") is None
    assert (tmp_path / "new" / FINGERPRINT).read_text() == "a"


def test_the_last_complete_checkpoint_is_by_number_not_by_name(tmp_path: Path) -> None:
    assert latest_checkpoint(tmp_path, fingerprint="a") is None
    for step in (80, 100, 20):
        write_checkpoint(tmp_path, step)
    assert latest_checkpoint(tmp_path, fingerprint="a") == tmp_path / "checkpoint-100"


@pytest.mark.parametrize("state", ["", '{"global_step": 4', "\x00\x00"], ids=["empty", "cut short", "zeros"])
def test_a_checkpoint_cut_short_is_removed_and_the_one_before_taken(tmp_path: Path, state: str) -> None:
    latest_checkpoint(tmp_path, fingerprint="a")
    write_checkpoint(tmp_path, 20)
    broken = write_checkpoint(tmp_path, 40, state=state)
    assert latest_checkpoint(tmp_path, fingerprint="a") == tmp_path / "checkpoint-20"
    assert not broken.exists()


def test_a_checkpoint_without_a_state_is_removed(tmp_path: Path) -> None:
    latest_checkpoint(tmp_path, fingerprint="a")
    (write_checkpoint(tmp_path, 20) / STATE).unlink()
    assert latest_checkpoint(tmp_path, fingerprint="a") is None
    assert not (tmp_path / "checkpoint-20").exists()


def test_checkpoints_of_another_run_are_removed_and_nothing_else(tmp_path: Path) -> None:
    latest_checkpoint(tmp_path, fingerprint="a")
    write_checkpoint(tmp_path, 20)
    (tmp_path / "notes.txt").write_text("mine")
    assert latest_checkpoint(tmp_path, fingerprint="b") is None
    assert sorted(path.name for path in tmp_path.iterdir()) == [FINGERPRINT, "notes.txt"]


def test_checkpoints_that_nothing_names_are_removed(tmp_path: Path) -> None:
    write_checkpoint(tmp_path, 20)
    assert latest_checkpoint(tmp_path, fingerprint="a") is None


def test_another_start_does_not_touch_the_marker(tmp_path: Path) -> None:
    """A process that dies while it writes the marker would cost all checkpoints."""
    latest_checkpoint(tmp_path, fingerprint="a")
    before = (tmp_path / FINGERPRINT).stat()
    last = write_checkpoint(tmp_path, 20)
    assert latest_checkpoint(tmp_path, fingerprint="a") == last
    after = (tmp_path / FINGERPRINT).stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def fill(folder: Path, weights: bytes = b"weights") -> str:
    folder.mkdir()
    (folder / "model.safetensors").write_bytes(weights)
    (folder / "config.json").write_text("{}")
    return str(folder)


def test_a_start_counts_by_its_content_wherever_it_lies(tmp_path: Path) -> None:
    here, there, other = (fill(tmp_path / name, weights) for name, weights in [("a", b"w"), ("b", b"w"), ("c", b"x")])
    Path(there, "parlance.json").write_text("{}")
    names = [fingerprint(PretrainingSettings(), data=["text"], start=start) for start in (here, there, other)]
    assert names[0] == names[1] != names[2]


CHANGES: list[Callable[[FinetuningSettings], FinetuningSettings]] = [
    lambda settings: replace(settings, rank=8),
    lambda settings: replace(settings, learning_rate=0.5),
    lambda settings: replace(settings, target_modules=("q_proj",)),
]


@pytest.mark.parametrize("change", CHANGES, ids=["rank", "learning_rate", "target_modules"])
def test_an_edited_setting_gives_another_name(change: Callable[[FinetuningSettings], FinetuningSettings]) -> None:
    settings = FinetuningSettings()
    assert fingerprint(settings, data=[], start="hub/name") != fingerprint(change(settings), data=[], start="hub/name")


@given(data=st.lists(st.text(alphabet=st.characters(codec="utf-8"), max_size=5), max_size=5))
def test_only_equal_data_gives_an_equal_name(data: list[str]) -> None:
    settings = PretrainingSettings()
    name = fingerprint(settings, data=data, start="hub/name")
    assert len(name) == 12
    assert name == fingerprint(settings, data=iter(data), start="hub/name")
    assert name != fingerprint(settings, data=[*data, ""], start="hub/name")

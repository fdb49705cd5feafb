"""A run goes on elsewhere, from the copy of its checkpoints."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from tiny_models import ANSWERS, TINY_TUNING, examples, silent

from parlance.modelling import Progress, finetune
from parlance.modelling.checkpoints import FINGERPRINT, STATE, latest_checkpoint
from parlance.modelling.mirror import Mirror


class MachineIsGoneError(Exception):
    pass


def test_a_run_whose_machine_vanished_goes_on_from_the_copy(base: str, tmp_path: Path) -> None:
    def vanish(progress: Progress) -> None:
        if progress.step == 5:
            raise MachineIsGoneError

    settings = replace(TINY_TUNING, max_steps=6, logging_steps=1, patience=9)
    frame = examples(ANSWERS).vstack(examples({"one?": "two"}, split="validation"))
    resumed = []
    for name, listen in (("first", vanish), ("second", silent)):
        mirror = Mirror(folder=tmp_path / name, uri=str(tmp_path / "lake" / "copy"))
        mirror.fetch()
        try:
            report = finetune(
                frame, base=base, output=tmp_path / "model", checkpoints=mirror.folder, settings=settings,
                progress=listen, saved=mirror.store,
            )  # fmt: skip
            resumed.append(report.resumed_from)
        except MachineIsGoneError:
            shutil.rmtree(mirror.folder)
    assert resumed == [4]
    copied = {path.parts[-2] for path in (tmp_path / "lake" / "copy").rglob(STATE)}
    assert copied == {"checkpoint-4", "checkpoint-6"}
    mirror.remove()
    assert not (tmp_path / "lake" / "copy").exists()


def write(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text('{"global_step": 2}')


@pytest.mark.parametrize("scheme", ["", "memory://"])
def test_what_is_incomplete_is_not_copied_and_what_is_gone_is_removed(tmp_path: Path, scheme: str) -> None:
    copy = f"{scheme}{tmp_path}/copy"
    latest_checkpoint(tmp_path / "a", fingerprint="x")
    write(tmp_path / "a", "checkpoint-2/weights", f"checkpoint-2/{STATE}", "checkpoint-4/weights")
    Mirror(folder=tmp_path / "a", uri=copy).store()
    Mirror(folder=tmp_path / "b", uri=copy).fetch()
    assert (tmp_path / "b" / FINGERPRINT).read_text() == "x"
    assert {path.name for path in (tmp_path / "b").glob("checkpoint-*/*")} == {"weights", STATE}
    assert latest_checkpoint(tmp_path / "b", fingerprint="x") == tmp_path / "b" / "checkpoint-2"

    shutil.rmtree(tmp_path / "a" / "checkpoint-2")
    write(tmp_path / "a", f"checkpoint-4/{STATE}")
    Mirror(folder=tmp_path / "a", uri=copy).store()
    Mirror(folder=tmp_path / "c", uri=copy).fetch()
    assert [path.name for path in (tmp_path / "c").glob("checkpoint-*")] == ["checkpoint-4"]
    # What is here stays.
    Mirror(folder=tmp_path / "b", uri=copy).fetch()
    assert (tmp_path / "b" / "checkpoint-2").exists()

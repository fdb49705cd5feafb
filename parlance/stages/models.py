"""From the corpus to a model. What trains runs in the training process, wherever that is: it may load torch."""

import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from parlance import modelling
from parlance.errors import ConfigError
from parlance.lake import Lake
from parlance.modelling.fingerprints import identity
from parlance.modelling.mirror import Mirror
from parlance.modelling.records import RECORD, read_record, refer, reference, write_record
from parlance.modelling.settings import FinetuningSettings, PretrainingSettings
from parlance.stages.corpus import kept_texts
from parlance.versions import content_version

if TYPE_CHECKING:
    from parlance.modelling.provider import Provider

REPORT = "report.json"
EXAMPLES = "instruct/examples"


def pretraining_texts(lake: Lake, lanes: Sequence[str]) -> Iterator[str]:
    """The kept corpus without the threads held out for validation and test: no answer is seen before it is asked."""
    held_out = lake.table(EXAMPLES).scan().filter(pl.col("split") != "train").select("document_id")
    yield from kept_texts(lake, lanes, without=set(held_out.collect()["document_id"]))


def examples_of(lake: Lake) -> pl.DataFrame:
    """Examples in the order of their ids."""
    return lake.table(EXAMPLES).scan().sort("id").collect()


def corpus_version(lake: Lake, lanes: Sequence[str]) -> str:
    return content_version(pretraining_texts(lake, lanes))


def examples_version(lake: Lake) -> str:
    rows = examples_of(lake).select("id", "split", "messages").iter_rows()
    return content_version(
        text for *names, chat in rows for text in (*names, *(part for one in chat for part in one.values()))
    )


@dataclass(frozen=True, kw_only=True)
class Target:
    """Which version of which model is made, by which code, and where unfinished runs keep their checkpoints.

    `mirrored` checkpoints are kept in the lake too, as `checkpoints` may vanish with the machine.
    """

    name: str
    version: str
    code_version: str
    checkpoints: Path
    mirrored: bool = False

    def mirror(self, lake: Lake) -> Mirror | None:
        """The copy of the checkpoints in `lake`; null where there is none."""
        uri = f"{lake.root.rstrip('/')}/pending/{self.name}/{self.version}"
        return Mirror(folder=self.checkpoints, uri=uri) if self.mirrored else None


def pretrain(
    lake: Lake,
    lanes: Sequence[str],
    *,
    tokenizer: tuple[str, str],
    target: Target,
    settings: PretrainingSettings,
    progress: modelling.OnProgress,
) -> dict[str, Any]:
    """Trains the small base model from scratch on the corpus and the chat form of the training examples.

    `tokenizer` is its name and version in the lake. Publishes the model; its report is returned.
    """
    folder_of_tokenizer = lake.files.folder(*tokenizer)
    chats = modelling.chat_texts(examples_of(lake).filter(pl.col("split") == "train"), tokenizer=folder_of_tokenizer)
    with _published(lake, target) as folder:
        report = modelling.pretrain(
            pretraining_texts(lake, lanes),
            chats=chats,
            tokenizer=folder_of_tokenizer,
            output=folder,
            checkpoints=target.checkpoints,
            settings=settings,
            progress=progress,
            saved=mirror.store if (mirror := target.mirror(lake)) else None,
        )
        tables = [*(f"{lane}/kept" for lane in lanes), EXAMPLES]
        _describe(lake, folder, target, asdict(report), tables=tables, tokenizer_version=tokenizer[1])
    return asdict(report)


def finetune(
    lake: Lake,
    *,
    base: tuple[str, str],
    target: Target,
    settings: FinetuningSettings,
    progress: modelling.OnProgress,
) -> dict[str, Any]:
    """Fine-tunes `base` (its name and version in the lake) on the examples. Publishes the model, returns its report."""
    folder_of_base = lake.files.folder(*base)
    with _published(lake, target) as folder:
        report = modelling.finetune(
            examples_of(lake),
            base=base_of(folder_of_base),
            output=folder,
            checkpoints=target.checkpoints,
            settings=settings,
            progress=progress,
            saved=mirror.store if (mirror := target.mirror(lake)) else None,
        )
        tokenizer = _tokenizer_version(folder_of_base)
        # Its name in the lake, where it was trained here: a path would be this machine's.
        told = reference(folder_of_base)
        more = {"base": told[0] if told else base[0], "base_version": base[1], "tokenizer_version": tokenizer}
        _describe(lake, folder, target, asdict(report), tables=[EXAMPLES], **more)
    return asdict(report)


def finetune_at(
    lake: Lake,
    *,
    base: tuple[str, str],
    target: Target,
    settings: FinetuningSettings,
    provider: "Provider",
    say: Callable[[str], None],
) -> dict[str, Any]:
    """Fine-tunes the base at `provider`, which keeps the model: what is published names it. Returns a report."""
    from parlance.modelling.provider import finetune_there

    model = base_of(lake.files.folder(*base))
    with _published(lake, target) as folder:
        done = finetune_there(
            provider, examples_of(lake), model=model, version=target.version, settings=settings, say=say
        )
        refer_to(done.model, folder, endpoint=provider.url)
        write_record(
            folder, fingerprint=target.version, base=model, settings=asdict(settings), metrics={"tokens": done.tokens}
        )
        report = {"endpoint": provider.url, "job": done.job, "model": done.model, "tokens": done.tokens}
        _describe(lake, folder, target, report, tables=[EXAMPLES], base_version=base[1])
    return report


@contextmanager
def _published(lake: Lake, target: Target) -> Iterator[Path]:
    """A folder that becomes the target's version; then what was kept for an unfinished run is removed."""
    mirror = target.mirror(lake)
    if mirror:
        mirror.fetch()
    with lake.files.publish(target.name, target.version) as folder:
        yield folder
    shutil.rmtree(target.checkpoints, ignore_errors=True)
    if mirror:
        mirror.remove()


def _describe(
    lake: Lake, folder: Path, target: Target, report: dict[str, Any], *, tables: Sequence[str], **more: Any
) -> None:
    """Writes the report, and into the record what only the lake knows."""
    (folder / REPORT).write_text(json.dumps(report, indent=1), encoding="utf-8")
    versions = {name: lake.table(name).version() for name in tables}
    write_record(
        folder,
        dataset=", ".join(tables),
        dataset_version=examples_version(lake) if tables == [EXAMPLES] else read_record(folder)["dataset_version"],
        dataset_table_versions=versions,
        code_version=target.code_version,
        **more,
    )


def _tokenizer_version(base: Path) -> str | None:
    """That of the base's record, or a digest of a tokenizer that lies there; null where the base is elsewhere."""
    if (base / RECORD).exists() and (known := read_record(base)["tokenizer_version"]):
        return str(known)
    name = base_of(base)
    return content_version([identity(name)]) if Path(name).is_dir() else None


def base_of(folder: Path) -> str:
    """The base model that `folder` holds or, where one was configured, names."""
    found = reference(folder)
    return found[0] if found else str(folder)


def refer_to(model: str, folder: Path, *, endpoint: str | None = None) -> None:
    """Writes into `folder` that the model is `model`: a local path, a name on a hub, or one that `endpoint` keeps."""
    if not model.strip():
        raise ConfigError("the base model has an empty name; give a path or a name such as HuggingFaceTB/SmolLM2-135M")
    refer(folder, model=model, endpoint=endpoint)
    write_record(folder, base=model)


def endpoint_of(folder: Path) -> str | None:
    """The address of the endpoint that keeps the model of `folder`; null where the model can be loaded."""
    found = reference(folder)
    return found[1] if found else None


def record_of(folder: Path) -> dict[str, Any]:
    """What the model in `folder` was made from, null where it is not known.

    Keys: fingerprint, base, base_version, dataset, dataset_version, tokenizer_version, code_version, settings (seed
    among them), metrics, libraries; and `dataset_table_versions`, the versions of the tables in the lake. Raises
    ConfigError where there is no record.
    """
    return read_record(folder)


def report_of(folder: Path) -> dict[str, Any]:
    """What training reported when the model in `folder` was made; empty for a model made elsewhere."""
    path = folder / REPORT
    report: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return report

"""A corpus of which the acts are known, and annotators who answer a batch through the tools' own files."""

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pyarrow as pa
from dagster._core.definitions.data_version import CachingStaleStatusResolver, StaleStatus
from dagster._core.loader import LoadingContextForTest

from assets.annotation import annotation_assets, annotation_checks
from assets.speech_act_model import MODEL
from orchestration.lanes import slack
from parlance import schemas
from parlance.annotation.drawing import positions
from parlance.lake import Lake
from parlance.stages import annotation as stages
from parlance.stages import lanes as lane_stages
from resources.annotations import Annotations
from resources.labels import LabelledUtterances
from resources.lake import LakeResource
from tests.parlance.annotation.tools import TOOLS, Said

ROOT = Path(__file__).parents[2]
DAY = "2026-10-05"
LANE = slack.lane_from(DAY)
ASSETS = annotation_assets([LANE])
TURNS = 6
TIME = dt.datetime(2026, 10, 6, 12, tzinfo=dt.UTC)
ADJUDICATOR = "carla"


@dg.asset(deps=[MODEL])
def utterances() -> None:
    """Stands for what is labelled by the classifier in use."""


@dataclass
class Office:
    """A lake with a corpus, a classifier that knows a quarter of what is known, and a folder for annotations."""

    home: Path
    instance: dg.DagsterInstance
    truth: dict[str, tuple[str, str]] = field(default_factory=dict)

    @property
    def lake(self) -> Lake:
        return Lake(root=str(self.home / "lake"))

    @property
    def folder(self) -> Path:
        return self.home / "annotations"

    def open(self) -> "Office":
        """Writes the documents, trains the first classifier, and annotates the documents by it."""
        self.folder.mkdir()
        rows = pl.read_ndjson(ROOT / "sample" / "speech_acts" / "labelled" / "mixed.jsonl").filter(
            pl.col("form").is_not_null()
        )
        known = positions(rows["id"], seed=1, use="known") < 0.25
        (self.home / "labelled.jsonl").write_bytes(rows.filter(known).write_ndjson().encode())
        self._write_documents(rows.filter(~known))
        self.materialize(MODEL)
        self.annotate()
        return self

    def _write_documents(self, rows: pl.DataFrame) -> None:
        said = rows.select("text", "form", "function").rows()
        self.acts: dict[tuple[str, int], tuple[str, str]] = {}
        documents = []
        for number in range(0, len(said), TURNS):
            turns, text = [], ""
            for turn, (words, *acts) in enumerate(said[number : number + TURNS]):
                start = len(text)
                text += words + "\n"
                about = {"message_id": f"{number}.{turn}", "author": f"user-{turn % 2}", "role": "user"}
                turns.append({**about, "start": start, "end": start + len(words), "is_bot": False})
                self.acts[f"slack:{number}", turn] = (acts[0], acts[1])
            documents.append(_document(f"slack:{number}", text, turns))
        table = pa.Table.from_pylist(documents, schema=schemas.KEPT)
        self.lake.table("slack/kept").replace(table.to_batches(), [DAY])

    def annotate(self) -> None:
        """What the asset `slack/utterances` does with the classifier in use."""
        model = self.lake.files.folder("corpus/speech_act_model")
        lane_stages.write_utterances(self.lake, "slack", str(model), [DAY])
        rows = self.lake.table("slack/utterances").scan().select("id", "document_id", "turn").collect()
        self.truth = {each: self.acts[document, turn] for each, document, turn in rows.iter_rows()}

    def status(self, key: dg.AssetKey) -> StaleStatus:
        """Of an asset, to Dagster that has just been started."""
        graph = dg.Definitions(assets=[*ASSETS, utterances], resources=self.resources()).resolve_asset_graph()
        return CachingStaleStatusResolver(self.instance, graph, LoadingContextForTest(self.instance)).get_status(key)

    def resources(self) -> dict[str, Any]:
        guide = str(ROOT / "docs" / "annotation_guide.md")
        return {
            "lake": LakeResource(root=self.lake.root),
            "annotations": Annotations(folder=str(self.folder), guide=guide, adjudicator=ADJUDICATOR),
            "labelled_utterances": LabelledUtterances(path=str(self.home / "labelled.jsonl"), level="light"),
        }

    def materialize(self, *keys: dg.AssetKey | list[str], **config: Any) -> dg.ExecuteInProcessResult:
        keys = tuple(dg.AssetKey(key) if isinstance(key, list) else key for key in keys)
        ops = {"__".join(key.path): {"config": config} for key in keys} if config else {}
        return dg.materialize(
            [*ASSETS, *annotation_checks, utterances],
            selection=dg.AssetSelection.assets(*keys),
            instance=self.instance,
            resources=self.resources(),
            run_config={"ops": ops},
            raise_on_error=False,
        )

    def answer(self, annotator: str, tool: str, *, name: str = stages.BATCH, judge: "Judge | None" = None) -> Path:
        """Has `annotator` answer their file of the latest batch `name`; returns what the tool exports."""
        (path,) = (self.lake.files.folder(name) / tool).glob(f"{annotator}.json*")
        copy = self.home / "desk" / annotator / path.name
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())
        judge = judge or (lambda _, truth: truth)
        said = {each: Said(*judge(each, truth), "", TIME) for each, truth in self.truth.items()}
        return TOOLS[tool](copy, said, name=annotator)

    def put(self, path: Path, name: str) -> None:
        """Puts a file into the folder of annotations."""
        (self.folder / name).write_bytes(path.read_bytes())

    def rows(self, table: str) -> pl.DataFrame:
        frame = self.lake.table(table).scan().collect()
        return frame.sort([name for name in frame.columns if frame.schema[name] == pl.String])


Judge = Callable[[str, tuple[str, str]], tuple[str, str]]


def _document(name: str, text: str, turns: list[Mapping[str, Any]]) -> dict[str, Any]:
    nothing = dict.fromkeys(("title", "url", "channel", "author", "created_at", "page"))
    counts = dict.fromkeys(("masked", "removed_lines", "removed_characters"), 0)
    return {
        "id": name,
        "source": "slack",
        "text": text,
        "turns": turns,
        "raw_ids": [],
        "language": "en",
        "partition": DAY,
        **nothing,
        **counts,
    }


def figures(result: dg.ExecuteInProcessResult, key: dg.AssetKey | list[str]) -> dict[str, Any]:
    """The metadata that an asset was given."""
    key = dg.AssetKey(key) if isinstance(key, list) else key
    (event,) = [each for each in result.get_asset_materialization_events() if each.asset_key == key]
    return {name: value.value for name, value in event.materialization.metadata.items()}


def failure(result: dg.ExecuteInProcessResult) -> str:
    (event,) = [event for event in result.all_events if event.is_step_failure]
    error = event.step_failure_data.error
    said = event.step_failure_data.user_failure_data
    return f"{said.description if said else ''} {error.message if error else ''}"

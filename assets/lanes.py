"""A lane: one source with its own partitions and the same steps as every other, made by one factory."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import dagster as dg
import polars as pl

from assets import ledger, metadata, partly
from assets.boundary import no_useless_retries
from assets.code_versions import code_version
from parlance import filters, plots, references, schemas
from parlance.filters.recipes import RECIPES, Bound
from parlance.lake import Lake
from parlance.stages import lanes as stages
from parlance.stages import tokenizers
from parlance.stages.embeddings import write_embeddings
from parlance.storage import Written
from parlance.tokenization.cuts import PLAIN, Cut
from resources.lake import LakeResource
from resources.sources import Source

OWNERS = ["team:data"]
REFERENCES = dg.AssetKey(["corpus", "references"])
# What makes the labels of an utterance; labelling functions only vote beside it.
_CLASSIFIER_MODULES = (
    "calibration", "classifier", "fasttext_model", "features", "forms", "labels", "light", "masks", "network", "report",
)  # fmt: skip
CLASSIFIER = ("draws", *(f"speech_acts.{name}" for name in _CLASSIFIER_MODULES))
# What comes before the decision. Duplicates are looked for in between, and no two groups depend on each other.
INGESTED = ("raw", "documents", "rejected", "signals", "messages")


@dataclass(frozen=True, kw_only=True)
class Lane:
    """A source by its name, which is also that of its resource and of its tables.

    `partitions` are days or names, `recipe` decides what is kept, `modules` are those of the engine that read it, by
    which its assets become stale; `grouped`: a document has many raw rows. `inputs` gives the partitions that there is
    input for, `setting` names it. `made_of_it` are groups of more assets by its partitions, which its jobs make too.
    `cut` is how its texts are cut into pre-tokens.
    """

    name: str
    title: str
    partitions: dg.PartitionsDefinition
    recipe: str
    modules: Sequence[str]
    source: Source
    inputs: Callable[[], list[str]]
    setting: str = ""
    made_of_it: tuple[str, ...] = ()
    grouped: bool = False
    kinds: frozenset[str] = frozenset()
    cut: Cut = PLAIN

    @property
    def rules(self) -> tuple[Bound, ...]:
        return RECIPES[self.recipe]

    def key(self, table: str) -> dg.AssetKey:
        return dg.AssetKey([self.name, table])

    @property
    def is_by_day(self) -> bool:
        """Whether its partitions are days; else they are names."""
        return isinstance(self.partitions, dg.TimeWindowPartitionsDefinition)

    @property
    def ingest(self) -> str:
        """The group of what comes before the decision; the lane's own is that of what comes after."""
        return f"{self.name}_ingest"

    @property
    def groups(self) -> tuple[str, ...]:
        """The groups of its assets, in the order of the data."""
        return self.ingest, self.name, *self.made_of_it

    def group(self, table: str) -> str:
        return self.ingest if table in INGESTED else self.name

    def common(self, table: str, *modules: str, kinds: set[str] | frozenset[str] = frozenset()) -> dict[str, Any]:
        """What all assets of the lane have in common."""
        return {
            "group_name": self.group(table),
            "owners": OWNERS,
            "code_version": code_version(*modules),
            "kinds": {"polars", "deltalake"} | kinds,
        }

    def spec(self, table: str, description: str, *modules: str, deps: Sequence[Any]) -> dg.AssetSpec:
        schema = schemas.signals_schema(filters.rules()) if table == "signals" else LANE_SCHEMAS[table]
        return dg.AssetSpec(
            self.key(table),
            deps=deps,
            description=description,
            metadata={"dagster/column_schema": metadata.column_schema(schema)},
            **self.common(table, *modules),
        )


LANE_SCHEMAS = {
    "documents": schemas.DOCUMENTS,
    "rejected": schemas.LEDGER,
    "kept": schemas.KEPT,
    "dropped": schemas.LEDGER,
}


def lane_assets(lane: Lane) -> list[dg.AssetsDefinition]:
    """The steps of a lane, in the order of the data."""
    made = [_raw(lane), _documents(lane), _signals(lane), _kept(lane), _utterances(lane), _embeddings(lane)]
    return [*made, _pretokens(lane)]


def _partitioned(lane: Lane) -> dict[str, Any]:
    return {"partitions_def": lane.partitions, "backfill_policy": dg.BackfillPolicy.single_run()}


def _raw(lane: Lane) -> dg.AssetsDefinition:
    @dg.asset(
        key=lane.key("raw"),
        description=f"What {lane.title} sent, unchanged: one row for each message or record, unreadable ones included.",
        metadata={"dagster/column_schema": metadata.column_schema(schemas.RAW)},
        required_resource_keys={"lake", lane.name},
        pool=f"{lane.name}_source",
        **_partitioned(lane),
        **lane.common("raw", *lane.modules, kinds=lane.kinds),
    )
    @no_useless_retries
    def raw(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        source: Source = getattr(context.resources, lane.name)
        opened, keys = context.resources.lake.open(), list(context.partition_keys)
        fetched = source.fetch(context, opened, keys)
        table = opened.table(f"{lane.name}/raw")
        first = _first(lane, context)
        written = partly.replaced(
            context, table, lambda some: source.raw(opened, some, first=first), key=lane.key("raw")
        )
        if not written.rows:
            context.log.warning(f"{lane.title} has no rows in {keys[0]} to {keys[-1]}")
        unreadable = table.scan(keys).filter(pl.col("error").is_not_null()).select(pl.len()).collect().item()
        metadata.by_partition(context, lane.key("raw"), written.rows_by_partition)
        shown = metadata.of_table(table, written, preview=["id", "shard", "media_type", "url", "created_at"])
        return dg.MaterializeResult(metadata=shown | metadata.with_pictures(fetched) | {"unreadable_rows": unreadable})

    return raw


def _first(lane: Lane, context: dg.AssetExecutionContext) -> str:
    """The lane's first day; empty where its partitions are not days."""
    if lane.is_by_day:
        return lane.partitions.get_first_partition_key() or ""
    return ""


def _documents(lane: Lane) -> dg.AssetsDefinition:
    modules = (*lane.modules, "stages.lanes", "schemas", "excerpts", "pii")
    specs = [
        lane.spec(
            "documents",
            "The common form of every source. A Slack thread is one document with its turns, in its root's partition.",
            *modules,
            deps=[lane.key("raw")],
        ),
        lane.spec(
            "rejected",
            "Raw rows that are in no document, each with its reason: unreadable, deleted, without text ...",
            *modules,
            deps=[lane.key("raw")],
        ),
    ]

    @dg.multi_asset(
        specs=specs, name=f"{lane.name}__documents", required_resource_keys={"lake", lane.name}, **_partitioned(lane)
    )
    @no_useless_retries
    def documents(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult]:
        source: Source = getattr(context.resources, lane.name)
        opened, keys = context.resources.lake.open(), list(context.partition_keys)
        kept, listed = stages.write_documents(opened, lane.name, source.documents, keys, grouped=lane.grouped)
        yield _materialized(
            context, opened, lane, "documents", kept, preview=["id", "channel", "title", "author", "text"]
        )
        yield _with_reasons(context, opened, lane, "rejected", listed)

    return documents


def _signals(lane: Lane) -> dg.AssetsDefinition:
    @dg.asset(
        key=lane.key("signals"),
        deps=[lane.key("documents"), REFERENCES],
        description=(
            "One pass over the text measures all that later decisions need: language, the numbers of quality rules, "
            "blocked hosts and words, overlap with evaluation sets, personal data, content hash, MinHash signature and "
            "bands. A new threshold never reads the text again."
        ),
        metadata={"dagster/column_schema": metadata.column_schema(schemas.signals_schema(filters.rules()))},
        pool="memory",
        **_partitioned(lane),
        **lane.common("signals", "filters", "dedup", "pii", "languages", "references"),
    )
    @no_useless_retries
    def signals(context: dg.AssetExecutionContext, lake: LakeResource) -> dg.MaterializeResult:
        opened, keys = lake.open(), list(context.partition_keys)
        compared = references.load(opened.files.folder("corpus/references"))
        written = stages.write_signals(opened, lane.name, keys, references=compared)
        languages = _counts(opened.table(f"{lane.name}/signals").scan(keys), "language")
        result = _materialized(
            context, opened, lane, "signals", written, preview=["id", "language", "characters", "words", "content_hash"]
        )
        named = _named(opened.table(f"{lane.name}/signals").scan(keys))
        return _and(
            result, named=named, languages=metadata.picture(plots.bars(languages, title="Documents by language"))
        )

    return signals


def _named(signals: pl.LazyFrame) -> dg.MetadataValue:
    """How many documents have something of each that a user named."""
    items = pl.col("contaminated_by").str.replace(r"#\d+$", "")
    found = [pl.when(pl.col(name) > 0).then(pl.lit(name)) for name in ("blocked_host", "blocked_words")]
    each = signals.select(what=pl.concat_list(*found, items)).explode("what").drop_nulls()
    return metadata.table_of(each.group_by("what").agg(documents=pl.len()).sort("documents", "what").collect())


def _kept(lane: Lane) -> dg.AssetsDefinition:
    cutting = ("stages.repeated", "dedup.cutting", "dedup.line_hashing", "dedup.lines")
    modules = ("filters.recipes", "stages.lanes", *cutting, "excerpts", "pii")
    # Not `documents`, for which `signals` stands: with two ways to the same day a backfill of a whole lane is refused,
    # because Dagster finds the days of the two outputs unequal.
    deps = [lane.key("signals"), dg.AssetKey(["corpus", "duplicates"]), dg.AssetKey(["corpus", "repeated_lines"])]
    bounds = "\n".join(f"- {_bound(bound)}" for bound in lane.rules)
    specs = [
        lane.spec(
            "kept",
            "Documents that break no rule and repeat no other, with personal data and secrets masked.\n\n"
            f"Recipe `{lane.recipe}`:\n{bounds}",
            *modules,
            deps=deps,
        ),
        lane.spec(
            "dropped",
            "The drop ledger: every document that was not kept, with rule, value, bound and version.",
            *modules,
            deps=deps,
        ),
    ]

    @dg.multi_asset(specs=specs, name=f"{lane.name}__kept", **_partitioned(lane))
    @no_useless_retries
    def kept(context: dg.AssetExecutionContext, lake: LakeResource) -> Iterator[dg.MaterializeResult]:
        opened, keys = lake.open(), list(context.partition_keys)
        written, listed = stages.write_kept(opened, lane.name, lane.rules, keys)
        funnel = partial(
            ledger.funnel, opened, lane.name, lane.rules, whole=ledger.whole(opened, lane.name, lane.rules)
        )
        metadata.explained(context, lane.key("kept"), funnel)
        columns = ["id", "language", "masked", "text"]
        preview = partial(metadata.preview_of, opened.table(f"{lane.name}/kept"), columns)
        metadata.explained(context, lane.key("kept"), lambda days: {"preview": preview(days)})
        numbers = ledger.numbers(opened, lane.name, lane.rules, keys)
        for table in ("kept", "dropped"):
            metadata.numbers_by_partition(context, lane.key(table), numbers)
        yield _materialized(context, opened, lane, "kept", written, preview=[])
        yield _with_reasons(context, opened, lane, "dropped", listed)

    return kept


def _bound(bound: Bound) -> str:
    """A bound as people read it: `3 ≤ gopher_mean_word_length ≤ 10`."""
    least = "" if bound.at_least is None else f"{bound.at_least:g} ≤ "
    most = "" if bound.at_most is None else f" ≤ {bound.at_most:g}"
    only = "" if bound.languages is None else f" (only {', '.join(bound.languages)})"
    return f"`{least}{bound.rule}{most}`{only}"


def _utterances(lane: Lane) -> dg.AssetsDefinition:
    @dg.asset(
        key=lane.key("utterances"),
        deps=[lane.key("kept"), dg.AssetKey(["corpus", "speech_act_model"])],
        description="Every utterance of the kept documents with its speech act in form and in function, by offsets.",
        metadata={"dagster/column_schema": metadata.column_schema(schemas.UTTERANCES)},
        **_partitioned(lane),
        **lane.common(
            "utterances",
            *CLASSIFIER,
            "speech_acts.segmentation",
            "speech_acts.sentences",
            kinds={"fasttext", "pytorch"},
        ),
    )
    @no_useless_retries
    def utterances(context: dg.AssetExecutionContext, lake: LakeResource) -> dg.MaterializeResult:
        opened, keys = lake.open(), list(context.partition_keys)
        model = opened.files.folder("corpus/speech_act_model")
        written = stages.write_utterances(opened, lane.name, str(model), keys)
        rows = opened.table(f"{lane.name}/utterances").scan(keys)
        shown = _materialized(context, opened, lane, "utterances", written, preview=["form", "function", "text"])
        return _and(shown, speech_acts=metadata.picture(speech_act_plot(rows)))

    return utterances


def speech_act_plot(utterances: pl.LazyFrame) -> str:
    """Utterances by speech act, form beside function."""
    counted = {column: _counts(utterances, column) for column in ("function", "form")}
    labels = sorted(set(counted["form"]) | set(counted["function"]), key=lambda act: -counted["function"].get(act, 0))
    series = {column: [counts.get(act, 0) for act in labels] for column, counts in counted.items()}
    return plots.grouped_bars(labels, series, title="Utterances by speech act")


def _embeddings(lane: Lane) -> dg.AssetsDefinition:
    @dg.asset(
        key=lane.key("embeddings"),
        deps=[lane.key("kept")],
        description=(
            "The kept documents in chunks of sentences, each with its unit-length embedding. A chunk that was embedded "
            "before, by the same model, is not embedded again, nor is what a crashed run had done."
        ),
        metadata={"dagster/column_schema": metadata.column_schema(schemas.EMBEDDINGS)},
        required_resource_keys={"lake", "embedder"},
        pool="accelerator",
        **_partitioned(lane),
        **lane.common("embeddings", "embedding", "stages.embeddings", kinds={"pytorch"}),
    )
    @no_useless_retries
    def embeddings(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        opened, keys = context.resources.lake.open(), list(context.partition_keys)
        done = write_embeddings(opened, lane.name, context.resources.embedder.model, keys)
        result = _materialized(
            context, opened, lane, "embeddings", done.written, preview=["document_id", "start", "end", "text"]
        )
        rate = {} if done.hit_rate is None else {"hit_rate": round(done.hit_rate, 4)}
        counts = {"chunks_embedded": done.chunks - done.reused, "chunks_reused": done.reused}
        return _and(result, **counts, chunks_left_by_a_crash=done.resumed, **rate)

    return embeddings


def _pretokens(lane: Lane) -> dg.AssetsDefinition:
    common = lane.common(
        "pretokens", "tokenization.compiled", "tokenization.counting", "tokenization.cuts", "dedup.tokens"
    )

    @dg.asset(
        key=lane.key("pretokens"),
        deps=[lane.key("kept")],
        description=(
            "How often each pre-token occurs in the kept documents of a language: what tokenizers are trained from. A "
            "new partition adds its counts, and no text is read again."
        ),
        metadata={"dagster/column_schema": metadata.column_schema(schemas.PRETOKENS)},
        **_partitioned(lane),
        **common | {"code_version": f"{common['code_version']}-{lane.cut}"},
    )
    @no_useless_retries
    def pretokens(context: dg.AssetExecutionContext, lake: LakeResource) -> dg.MaterializeResult:
        opened, keys = lake.open(), list(context.partition_keys)
        written = tokenizers.write_pretokens(opened, lane.name, lane.cut, keys)
        rows = opened.table(f"{lane.name}/pretokens").scan(keys)
        most = (
            rows.group_by("pretoken").agg(pl.col("count").sum()).sort(["count", "pretoken"], descending=[True, False])
        )
        shown = most.head(12).select(pl.format("“{}”", "pretoken").alias("pretoken"), "count").collect()
        result = _materialized(context, opened, lane, "pretokens", written, preview=[])
        total = rows.select(pl.col("count").sum()).collect().item()
        return _and(result, pretokens=int(total), cut=str(lane.cut), most_frequent=metadata.table_of(shown))

    return pretokens


def _materialized(
    context: dg.AssetExecutionContext, lake: Lake, lane: Lane, table: str, written: Written, *, preview: Sequence[str]
) -> dg.MaterializeResult:
    metadata.by_partition(context, lane.key(table), written.rows_by_partition)
    shown = metadata.of_table(lake.table(f"{lane.name}/{table}"), written, preview=preview)
    return dg.MaterializeResult(asset_key=lane.key(table), metadata=shown)


def _with_reasons(
    context: dg.AssetExecutionContext, lake: Lake, lane: Lane, table: str, written: Written
) -> dg.MaterializeResult:
    result = _materialized(context, lake, lane, table, written, preview=[])
    metadata.explained(context, lane.key(table), partial(ledger.reasons, lake, lane.name, table))
    return result


def _and(result: dg.MaterializeResult, **more: Any) -> dg.MaterializeResult:
    return result._replace(metadata={**more, **(result.metadata or {})})


def _counts(rows: pl.LazyFrame, column: str, *, most: int = 20) -> Mapping[str, int]:
    """Rows by value of `column`, the most frequent first; null counts as `unknown`."""
    counted = rows.group_by(pl.col(column).fill_null("unknown")).len().sort(["len", column], descending=[True, False])
    return dict(counted.head(most).collect().iter_rows())

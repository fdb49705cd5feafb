"""From kept documents to examples on one side each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import polars as pl

from parlance import references, schemas
from parlance.errors import ConfigError
from parlance.excerpts import excerpts
from parlance.instruct import quality, splitting
from parlance.instruct.candidates import CANDIDATES, KINDS, NOTHING, Found, candidates
from parlance.instruct.examples import near_clusters
from parlance.instruct.splitting import Shares
from parlance.instruct.threads import DELETED, MESSAGE_COLUMNS, UTTERANCE_COLUMNS
from parlance.lake import TABLES, Lake
from parlance.references import References
from parlance.rights import published
from parlance.stages.balance import Balance, balance
from parlance.stages.portions import documents_with_utterances
from parlance.storage import Written, record_batches
from parlance.storage.tables import empty_frame

SPLITS = splitting.SPLITS
VERSION: Final = 1
_DOCUMENT: Final = ("id", "author", "created_at", "turns")
_REFUSED: Final = ("document_id", "source", "id", "kind", "output")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Which examples are made, what they must be worth, and how they are split.

    `largest_group` is the share of all examples above which a group is cut by day.
    """

    kinds: tuple[str, ...] = KINDS
    least_quality: float = 0.3
    most_contamination: float = 0.5
    validation: float = 0.1
    test: float = 0.1
    seed: int = 1
    largest_group: float = 0.05

    def __post_init__(self) -> None:
        if unknown := sorted(set(self.kinds) - set(KINDS)):
            raise ConfigError(f"unknown kinds {unknown}; known: {', '.join(KINDS)}")
        self.shares()

    def shares(self) -> Shares:
        return Shares(validation=self.validation, test=self.test, seed=self.seed)


@dataclass(frozen=True, kw_only=True)
class Report:
    """What was written, and how the examples hung together, as in `splitting.Sides`; `imitated` are names of people."""

    examples: Written
    passed_over: Written
    groups: int
    largest: int
    cut: int
    imitated: tuple[str, ...]


def write_examples(lake: Lake, lanes: Sequence[str], settings: Settings, *, compared: References) -> Report:
    """Examples of every kept document of `lanes`; `instruct/passed_over` lists what became none, with the reason.

    `compared` are the evaluation sets that no example may hold. All examples are in memory, and the documents they are
    from without their texts.
    """
    people = imitable(lake)
    found, documents = _found(lake, lanes, settings, people)
    rows = quality.graded(found.rows)
    ledger = [_without(found.nothing)]
    rows, contaminated = _uncontaminated(rows, compared, settings.most_contamination)
    rows, poor = _good_enough(rows, settings.least_quality)
    near = near_clusters(rows)
    known = _clusters(lake, rows)
    rows = rows.with_columns(near=near).join(known, on="document_id", how="left", maintain_order="left")
    ties = pl.concat([rows.select("document_id", cluster="near"), rows.select("document_id", cluster="of_document")])
    days = splitting.author_days(rows, documents)
    sides = splitting.sides(rows, ties, days, shares=settings.shares(), largest_share=settings.largest_group)
    rows, leaks = _on_one_side(rows, sides)
    passed_over = _whole(pl.concat([*ledger, contaminated, poor, leaks]), rows)
    examples = rows.with_columns(cluster=pl.coalesce("near", "of_document")).select(schemas.EXAMPLES.names)
    written = lake.table("instruct/examples").replace(record_batches(examples.sort("id"), schemas.EXAMPLES))
    listed = lake.table("instruct/passed_over").replace(record_batches(passed_over, schemas.PASSED_OVER))
    return Report(
        examples=written,
        passed_over=listed,
        groups=sides.groups,
        largest=sides.largest,
        cut=sides.cut,
        imitated=tuple(sorted(people.values())),
    )


def imitable(lake: Lake, lane: str = "slack") -> Mapping[str, str]:
    """The authors who agreed to be imitated, each with the name by which people know them, else the author itself.

    Only whom every statement of rights names under which a message was taken; nobody where a message has none.
    """
    raw = lake.table(f"{lane}/raw").scan().filter(pl.col("error").is_null())
    statements = raw.select("rights").unique().collect()["rights"].to_list()
    if not statements or None in statements:
        return {}
    named = [set(published(lake.files, lane, id).get("imitation", ())) for id in statements]
    agreed = set.intersection(*named)
    if not agreed:
        return {}
    user = pl.col("payload").cast(pl.String).str.json_path_match("$.message.user")
    theirs = raw.filter(user.is_in(list(agreed))).select(message_id="id")
    turns = lake.table(f"{lane}/kept").scan().select(turn="turns").explode("turn").drop_nulls()
    said = turns.select(pl.col("turn").struct.field("message_id"), pl.col("turn").struct.field("author"))
    called = pl.coalesce("user_real_name", "user_display_name")
    names = lake.table("slack/messages").scan().select(message_id="id", name=called)
    authors = said.join(theirs, on="message_id").join(names, on="message_id", how="left").drop_nulls("author")
    first = authors.group_by("author").agg(pl.col("name").drop_nulls().sort().first()).collect()
    return {author: name or author for author, name in first.iter_rows()}


def _found(
    lake: Lake, lanes: Sequence[str], settings: Settings, people: Mapping[str, str]
) -> tuple[Found, pl.DataFrame]:
    """What all documents give, and of the documents of examples the columns that tell who wrote when."""
    rows, nothing = [CANDIDATES.to_frame()], [NOTHING.to_frame()]
    documents = [empty_frame(schemas.KEPT).select(_DOCUMENT)]
    for lane in lanes:
        messages = _messages(lake, lane)
        for kept, utterances in documents_with_utterances(lake, lane, UTTERANCE_COLUMNS):
            found = candidates(kept, utterances, messages, people=people, kinds=settings.kinds)
            rows.append(found.rows)
            nothing.append(found.nothing)
            documents.append(kept.select(_DOCUMENT).join(found.rows, left_on="id", right_on="document_id", how="semi"))
    return Found(pl.concat(rows), pl.concat(nothing)), pl.concat(documents)


def _messages(lake: Lake, lane: str) -> pl.DataFrame | None:
    """The messages that say more than their text; null where the lane has no such table."""
    if f"{lane}/messages" not in TABLES:
        return None
    telling = (pl.col("reactions").list.len() > 0) | pl.col("edited_ts").is_not_null() | DELETED
    return lake.table(f"{lane}/messages").scan().filter(telling).select(MESSAGE_COLUMNS).collect()


def _clusters(lake: Lake, rows: pl.DataFrame) -> pl.DataFrame:
    """`document_id` and `of_document`, the cluster of the documents that have near duplicates in the corpus."""
    duplicates = lake.table("corpus/duplicates").scan().select(document_id="id", of_document="cluster")
    ours = rows.lazy().select("document_id").unique()
    return duplicates.join(ours, on="document_id", how="semi").unique("document_id").collect()


def _without(nothing: pl.DataFrame) -> pl.DataFrame:
    """Ledger rows of documents that give no example."""
    return _ledger(nothing.with_columns(id=pl.lit(None, pl.String), kind=pl.lit(None, pl.String), output="text"))


def _uncontaminated(rows: pl.DataFrame, compared: References, most: float) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The examples with at most a share of an evaluation item in them, and the ledger rows of the others."""
    if compared.evaluations is None:
        return rows, _ledger(rows.clear().with_columns(reason=pl.lit("contamination")))
    others = pl.col("alternatives").list.eval(pl.element().struct.field("text")).list.join("\n")
    texts = rows.select(text=pl.concat_str("instruction", "input", "output", others, separator="\n"))["text"]
    measured = rows.with_columns(compared.evaluations.contamination(texts))
    return _parted(
        measured, pl.col("contamination") > most, rule="contamination", sign=">", bound=most, detail="contaminated_by"
    )


def _good_enough(rows: pl.DataFrame, least: float) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The examples of at least that quality, and the ledger rows of the others."""
    why = rows.with_columns(why=pl.col("quality_reasons").list.join(", "))
    below = pl.col("quality").cast(pl.Float64).round(3) < least
    return _parted(why, below, rule="quality", sign="<", bound=least, detail="why", version=quality.VERSION)


def _on_one_side(rows: pl.DataFrame, sides: splitting.Sides) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The examples with their `split`, and the ledger rows of those that tie two sides."""
    leaking = rows.join(sides.leaks, on="document_id", how="inner", maintain_order="left")
    leaks = _ledger(leaking.with_columns(reason=pl.lit("split_leak")), version=splitting.VERSION)
    return rows.join(sides.split, on="document_id", how="inner", maintain_order="left"), leaks


def _parted(
    rows: pl.DataFrame, refused: pl.Expr, *, rule: str, sign: str, bound: float, detail: str, version: int = VERSION
) -> tuple[pl.DataFrame, pl.DataFrame]:
    out = rows.filter(refused).with_columns(
        reason=pl.lit(f"{rule}{sign}{bound}"),
        rule=pl.lit(rule),
        value=pl.col(rule).cast(pl.Float64).round(6),
        detail=detail,
    )
    return rows.filter(~refused), _ledger(out.with_columns(bound=pl.lit(bound)), version=version)


def _ledger(rows: pl.DataFrame, *, version: int = VERSION) -> pl.DataFrame:
    """Rows of PASSED_OVER from rows with `_REFUSED` and `reason`; the rest is null where it is not there."""
    given = {name: pl.col(name) if name in rows.columns else pl.lit(None) for name in ("value", "bound", "detail")}
    types = empty_frame(schemas.PASSED_OVER).schema
    return (
        rows.with_columns(excerpts(rows["output"]))
        .select(
            "document_id",
            "source",
            pl.col("id").alias("example_id"),
            "kind",
            "reason",
            pl.col("rule" if "rule" in rows.columns else "reason").alias("rule"),
            *(column.cast(types[name]).alias(name) for name, column in given.items()),
            pl.lit(version, types["version"]).alias("version"),
            "excerpt",
            whole=pl.lit(False),
        )
        .select(schemas.PASSED_OVER.names)
    )


def _whole(passed_over: pl.DataFrame, rows: pl.DataFrame) -> pl.DataFrame:
    """Marks one row of each document that has no example left."""
    ordered = passed_over.sort("document_id", "example_id", nulls_last=True)
    first = pl.int_range(pl.len()).over("document_id") == 0
    return ordered.with_columns(whole=first & ~pl.col("document_id").is_in(rows["document_id"].unique().to_list()))


def torn(lake: Lake, lanes: Sequence[str]) -> pl.DataFrame:
    """What stands on several sides, from the tables alone: `tie` (what kind), `key`, `splits`. Empty as it should be.

    Near duplicates are looked for again in the texts of the examples.
    """
    rows = lake.table("instruct/examples").scan().collect()
    kept = pl.concat([lake.table(f"{lane}/kept").scan().select(_DOCUMENT) for lane in lanes])
    documents = kept.join(rows.lazy().select(id="document_id"), on="id", how="semi").collect()
    near = rows.select("document_id", key=near_clusters(rows))
    ties = {
        "document": rows.select("document_id", key="document_id"),
        "cluster": _clusters(lake, rows).select("document_id", key="of_document"),
        "written cluster": rows.select("document_id", key="cluster"),
        "near duplicates": near,
        "author-day": splitting.author_days(rows, documents).select("document_id", key="author_day"),
    }
    sides = rows.select("document_id", "split").unique()
    frames = [
        tied.drop_nulls("key")
        .join(sides, on="document_id")
        .group_by("key")
        .agg(splits=pl.col("split").unique().sort())
        .select(pl.lit(tie).alias("tie"), "key", "splits")
        for tie, tied in ties.items()
    ]
    return pl.concat(frames).filter(pl.col("splits").list.len() > 1).sort("tie", "key")


def accounted(lake: Lake, lanes: Sequence[str]) -> Balance:
    """Kept documents, those of examples, and those that gave none, as bags of ids by lane."""
    kept = [lake.table(f"{lane}/kept").scan().select("id", partition=pl.lit(lane)) for lane in lanes]
    examples = lake.table("instruct/examples").scan().select(id="document_id", partition="source").unique()
    passed_over = lake.table("instruct/passed_over").scan().filter("whole")
    return balance(pl.concat(kept), examples, passed_over.select(id="document_id", partition="source"))


def compiled(lake: Lake) -> References:
    """What examples are compared with. Raises ConfigError where `corpus/references` was never made."""
    return references.load(lake.files.folder("corpus/references"))

"""What the rows of every table promise beyond their schema: keys, ranges, allowed values, references.

A contract stands here, beside `parlance/schemas.py`, and is evaluated by `parlance/monitoring/checking.py`. A rule is a
sentence and an expression that is true, or null, where a row keeps it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from parlance.instruct.splitting import SPLITS
from parlance.speech_acts.labels import LABELS


@dataclass(frozen=True, kw_only=True)
class Reference:
    """`column`, which may be a list, names rows of other tables by their `other`.

    `to` are tables; `{lane}` in one stands for the table's own lane, or for every lane where it has none. `where` are
    the rows that refer at all. `same_partition`: what is named stands in the row's own partition.
    """

    column: str
    to: Sequence[str]
    other: str = "id"
    where: pl.Expr | None = None
    same_partition: bool = False


@dataclass(frozen=True, kw_only=True)
class Contract:
    """`key`: columns that are not empty and of which no two rows of a partition have the same values; may be none.

    `blocking`: what is made from a table that breaks it would be wrong, so that it is not made.
    """

    key: Sequence[str] = ()
    rules: Mapping[str, pl.Expr] = field(default_factory=dict)
    references: Sequence[Reference] = ()
    blocking: bool = False


def _share(*columns: str) -> dict[str, pl.Expr]:
    return {f"{column} is from 0 to 1": pl.col(column).is_between(0, 1) for column in columns}


def _one_of(column: str, values: Sequence[str]) -> dict[str, pl.Expr]:
    return {f"{column} is one of {', '.join(values)}": pl.col(column).is_in(list(values))}


def _at_least(least: int, *columns: str) -> dict[str, pl.Expr]:
    return {f"{column} is {least} or more": pl.col(column) >= least for column in columns}


def _filled(*columns: str) -> dict[str, pl.Expr]:
    return {f"{column} is not empty": pl.col(column).str.len_bytes() > 0 for column in columns}


def _spans(column: str, length: pl.Expr) -> dict[str, pl.Expr]:
    """Spans in the list `column` are not turned round, and lie within a text of `length` code points."""
    start, end = (pl.col(column).list.eval(pl.element().struct.field(name)) for name in ("start", "end"))
    turned = pl.col(column).list.eval(pl.element().struct.field("start") > pl.element().struct.field("end")).list.any()
    inside = (start.list.min() >= 0) & (end.list.max() <= length)
    return {f"{column} lie within the text": inside, f"{column} start before they end": ~turned}


def _acts(*columns: str) -> dict[str, pl.Expr]:
    return {name: rule for column in columns for name, rule in _one_of(column, LABELS).items()}


CHARACTERS = pl.col("text").str.len_chars()
ORDERED = {"starts before it ends": (pl.col("start") >= 0) & (pl.col("start") < pl.col("end"))}
LONG_ENOUGH = {"as long as its text": pl.col("end") - pl.col("start") == CHARACTERS}
LANGUAGE = {"language is a code of 2 or 3 letters": pl.col("language").str.contains(r"^[a-z]{2,3}$")}
CHAT = pl.col("source") == "slack"

_LEDGER_RULES = _filled("reason", "rule") | {
    "its reason is the first of its reasons": pl.col("reasons").list.first() == pl.col("reason"),
    "a bound has its value": pl.col("bound").is_null() | pl.col("value").is_not_null(),
}
_DOCUMENT_RULES = _filled("text") | _spans("turns", CHARACTERS)

# By the table's name within each lane.
LANE_CONTRACTS: dict[str, Contract] = {
    "raw": Contract(
        # A message that an export holds twice is two rows: `rejected` lists the second.
        key=("id", "shard", "position"),
        rules=_filled("document_id", "document_partition")
        | _at_least(0, "position")
        | {
            "what has no error has a payload": pl.col("error").is_not_null() | pl.col("payload").is_not_null(),
            "a thread stands in the message's day or an earlier one": ~CHAT
            | (pl.col("document_partition") <= pl.col("partition")),
        },
    ),
    "documents": Contract(
        key=("id",),
        rules=_DOCUMENT_RULES | {"names its raw rows": pl.col("raw_ids").list.len() > 0},
        references=(Reference(column="raw_ids", to=("{lane}/raw",)),),
        blocking=True,
    ),
    "rejected": Contract(
        rules=_LEDGER_RULES | _one_of("step", ("documents",)),
        references=(Reference(column="id", to=("{lane}/raw",)),),
    ),
    "signals": Contract(
        key=("id",),
        rules=_share("language_score", "blocked_host", "contamination", "quality")
        | _at_least(0, "characters", "words", "blocked_words")
        | LANGUAGE
        | _spans("pii", pl.col("characters"))
        | {"words are not more than characters": pl.col("words") <= pl.col("characters")},
        references=(Reference(column="id", to=("{lane}/documents",), same_partition=True),),
        blocking=True,
    ),
    "kept": Contract(
        key=("id",),
        rules=_DOCUMENT_RULES | LANGUAGE | _at_least(0, "masked", "removed_lines", "removed_characters"),
        references=(Reference(column="id", to=("{lane}/documents",), same_partition=True),),
        blocking=True,
    ),
    "dropped": Contract(
        key=("id",),
        rules=_LEDGER_RULES | _one_of("step", ("kept",)) | _at_least(1, "version"),
        references=(Reference(column="id", to=("{lane}/documents",), same_partition=True),),
        blocking=True,
    ),
    "utterances": Contract(
        key=("id",),
        rules=_acts("form", "function", "function_alone")
        | _share("form_score", "function_score")
        | _filled("text")
        | ORDERED
        | LONG_ENOUGH
        | _at_least(0, "turn"),
        references=(Reference(column="document_id", to=("{lane}/kept",), same_partition=True),),
        blocking=True,
    ),
    "embeddings": Contract(
        key=("id",),
        rules=_filled("text", "model")
        | ORDERED
        | {
            "is of unit length": (pl.col("vector").list.eval(pl.element().cast(pl.Float64) ** 2).list.sum() - 1).abs()
            < 0.01
        },
        references=(Reference(column="document_id", to=("{lane}/kept",), same_partition=True),),
    ),
    "pretokens": Contract(rules=_filled("pretoken") | _at_least(1, "count")),
    "vitals": Contract(rules=_filled("measure") | _at_least(1, "count")),
}

_EXAMPLE_RULES = (
    _one_of("split", SPLITS)
    | _filled("instruction", "output", "kind")
    | _share("quality")
    | {
        "messages end with the assistant": pl.col("messages").list.last().struct.field("role") == "assistant",
        "messages are of known roles": pl.col("messages")
        .list.eval(pl.element().struct.field("role").is_in(["system", "user", "assistant"]))
        .list.all(),
        "no message is empty": pl.col("messages")
        .list.eval(pl.element().struct.field("content").str.len_bytes() > 0)
        .list.all(),
        "answers are speech acts": pl.col("answers").list.eval(pl.element().is_in(list(LABELS))).list.all(),
        "promise is kept or open": pl.col("promise").is_in(["kept", "open"]),
    }
)
_DUPLICATE = Reference(column="id", to=("{lane}/documents",))
_UTTERANCE = Reference(column="id", to=("{lane}/utterances",))

# By the whole name.
CONTRACTS: dict[str, Contract] = {
    "slack/messages": Contract(
        rules=_one_of("channel_kind", ("public", "private", "im", "mpim"))
        | _at_least(1, "versions")
        | {
            "was seen first before it was seen last": pl.col("first_seen") <= pl.col("last_seen"),
            "is not older than its thread": pl.col("ts").str.len_chars().ne(17)
            | (pl.col("ts") >= pl.col("thread_ts").fill_null("")),
        },
        references=(Reference(column="id", to=("slack/raw",), same_partition=True),),
    ),
    "corpus/duplicates": Contract(
        key=("id",),
        rules=_one_of("kind", ("exact", "near", "url")) | _share("jaccard", "threshold") | _filled("cluster"),
        references=(_DUPLICATE,),
        blocking=True,
    ),
    "corpus/duplicate_index": Contract(key=("id",), rules=_filled("content_hash"), references=(_DUPLICATE,)),
    "corpus/semantic_duplicates": Contract(key=("id",)),
    "corpus/repeated_lines": Contract(
        key=("hash", "site", "unit"),
        rules=_at_least(1, "documents", "sites")
        | {"of one site are not more than of all": pl.col("documents") <= pl.col("documents_everywhere")},
    ),
    "corpus/recipe_comparison": Contract(
        key=("id",),
        rules={"one of two drops it": pl.col("one").is_not_null() | pl.col("other").is_not_null()},
        references=(_DUPLICATE,),
    ),
    "corpus/weak_labels": Contract(
        key=("id",),
        rules=_acts("form", "function") | _share("form_probability", "function_probability"),
        references=(_UTTERANCE,),
    ),
    "corpus/profiles": Contract(
        key=("profile", "target", "act"),
        rules=_acts("act") | _one_of("target", ("form", "function")) | _share("wanted", "found", "corrected"),
    ),
    "corpus/profile_fits": Contract(key=("profile", "target"), rules=_one_of("target", ("form", "function"))),
    "corpus/speech_acts": Contract(
        rules=_acts("form", "function")
        | _at_least(1, "utterances")
        | {"no more are abstained from than there are": pl.col("abstained") <= pl.col("utterances")},
    ),
    "corpus/speech_act_transitions": Contract(
        key=("source", "step", "function", "next_function"),
        rules=_acts("function", "next_function") | _at_least(1, "pairs"),
    ),
    "corpus/speech_act_examples": Contract(key=("id",), rules=_acts("form", "function"), references=(_UTTERANCE,)),
    "corpus/annotation_items": Contract(key=("batch", "id", "reason"), rules=_acts("form", "function") | ORDERED),
    "corpus/annotations": Contract(key=("id", "annotator", "guide_version"), rules=_acts("form", "function")),
    "corpus/annotations_rejected": Contract(key=("file", "line"), rules=_filled("reason")),
    "corpus/annotation_files": Contract(
        key=("file_hash",),
        rules={
            "every row is accounted for": pl.col("rows")
            == pl.col("accepted") + pl.col("superseded") + pl.col("rejected")
        },
    ),
    "corpus/agreement": Contract(rules={"value is at most 1": pl.col("value") <= 1 + 1e-9}),
    "corpus/gold": Contract(
        key=("id",),
        rules=_acts("form", "function") | _one_of("sample", ("random", "picked")) | _share("probability"),
        blocking=True,
    ),
    "corpus/drift": Contract(key=("lane", "lane_partition", "reference", "measure")),
    "features/acts": Contract(key=("message_id", "valid_from")),
    "features/threads": Contract(
        key=("id",),
        rules=_acts("last_act")
        | _at_least(0, "turns", "participants", "questions", "questions_open", "minutes_since_last")
        | {"no more are open than were asked": pl.col("questions_open") <= pl.col("questions")},
    ),
    "features/authors": Contract(
        key=("id",),
        rules=_share(*(f"share_{act}" for act in LABELS))
        | _at_least(0, "messages_7d", "answers_accepted")
        | {"30 days have no fewer messages than 7": pl.col("messages_30d") >= pl.col("messages_7d")},
    ),
    "instruct/examples": Contract(
        key=("id",),
        rules=_EXAMPLE_RULES,
        references=(
            Reference(column="document_id", to=("{lane}/kept",)),
            Reference(column="raw_ids", to=("slack/messages",), where=CHAT),
        ),
        blocking=True,
    ),
    "instruct/synthetic": Contract(
        key=("id",),
        rules=_EXAMPLE_RULES | {"is of split train": pl.col("split") == "train"},
        references=(Reference(column="seed_ids", to=("instruct/examples",)),),
    ),
    "instruct/synthetic_rejected": Contract(key=("id",), rules=_filled("reason", "model")),
    "instruct/passed_over": Contract(
        rules=_filled("reason", "rule"),
        references=(Reference(column="document_id", to=("{lane}/kept",)),),
    ),
    "instruct/token_counts": Contract(
        key=("id", "tokenizer"),
        rules=_one_of("split", SPLITS)
        | _at_least(1, "tokens", "turns")
        | {
            "no more is learned than there is": pl.col("response_tokens") <= pl.col("tokens"),
            "no more is cut than there is": pl.col("cut_tokens") <= pl.col("tokens"),
        },
        references=(Reference(column="id", to=("instruct/examples", "instruct/synthetic")),),
    ),
    "instruct/profile_sample": Contract(key=("profile", "id")),
    "instruct/profile_shortfalls": Contract(
        key=("profile", "target", "act"), rules=_acts("act") | _share("wanted", "share")
    ),
    "search/map": Contract(key=("id",), rules=_acts("speech_act")),
    "models/predictions": Contract(
        key=("id",),
        rules=_filled("question", "model")
        | _one_of("status", ("drafted", "failed"))
        | _at_least(0, "attempts")
        | {
            "what is drafted has a draft, what failed an error": pl.col("status").eq("drafted")
            == pl.col("draft").is_not_null()
        },
        references=(Reference(column="document_id", to=("slack/kept",)),),
    ),
}


def contract_of(table: str) -> Contract | None:
    """The contract of the table of this name; null where it has none."""
    lane, _, name = table.partition("/")
    return CONTRACTS.get(table) or (LANE_CONTRACTS.get(name) if lane else None)

"""The lake: which tables there are, and where. One root holds tables and, under `files/`, everything else."""

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from parlance import filters, schemas
from parlance.errors import ConfigError
from parlance.storage import Files, Pending, Table

LANE_TABLES = {
    "raw": schemas.RAW,
    "documents": schemas.DOCUMENTS,
    "rejected": schemas.LEDGER,
    "signals": schemas.SIGNALS,
    "kept": schemas.KEPT,
    "dropped": schemas.LEDGER,
    "utterances": schemas.UTTERANCES,
    "embeddings": schemas.EMBEDDINGS,
    "pretokens": schemas.PRETOKENS,
    "vitals": schemas.VITALS,
}
TABLES = {
    "slack/messages": schemas.SLACK_MESSAGES,
    "corpus/duplicates": schemas.DUPLICATES,
    "corpus/duplicate_index": schemas.DUPLICATE_INDEX,
    "corpus/repeated_lines": schemas.REPEATED_LINES,
    "corpus/semantic_duplicates": schemas.SEMANTIC_DUPLICATES,
    "corpus/recipe_comparison": schemas.COMPARISON,
    "corpus/weak_labels": schemas.WEAK_LABELS,
    "corpus/profiles": schemas.PROFILE_ACTS,
    "corpus/profile_fits": schemas.PROFILE_FITS,
    "corpus/speech_acts": schemas.SPEECH_ACTS,
    "corpus/speech_act_transitions": schemas.SPEECH_ACT_TRANSITIONS,
    "corpus/speech_act_examples": schemas.SPEECH_ACT_EXAMPLES,
    "corpus/annotation_items": schemas.ANNOTATION_ITEMS,
    "corpus/annotation_files": schemas.ANNOTATION_FILES,
    "corpus/annotations": schemas.ANNOTATIONS,
    "corpus/annotations_rejected": schemas.ANNOTATIONS_REJECTED,
    "corpus/agreement": schemas.AGREEMENT,
    "corpus/gold": schemas.GOLD,
    "corpus/drift": schemas.DRIFT,
    "features/acts": schemas.ACT_VERSIONS,
    "features/threads": schemas.THREAD_FEATURES,
    "features/authors": schemas.AUTHOR_FEATURES,
    "instruct/examples": schemas.EXAMPLES,
    "instruct/passed_over": schemas.PASSED_OVER,
    "instruct/synthetic": schemas.SYNTHETIC,
    "instruct/synthetic_rejected": schemas.SYNTHETIC_REJECTED,
    "instruct/token_counts": schemas.TOKEN_COUNTS,
    "instruct/profile_sample": schemas.PROFILE_SAMPLE,
    "instruct/profile_shortfalls": schemas.PROFILE_SHORTFALLS,
    "search/map": schemas.MAP,
    "models/answers": schemas.ANSWERS,
    "models/promotions": schemas.PROMOTIONS,
    "models/predictions": schemas.PREDICTIONS,
    "models/posted_drafts": schemas.POSTED_DRAFTS,
}


@dataclass(frozen=True, kw_only=True)
class Lake:
    """Tables and files under `root`, a local folder or an `s3://` prefix."""

    root: str

    def table(self, name: str) -> Table:
        """The table `name`: `<lane>/<table>` or one of the corpus' own. Raises ConfigError for an unknown one."""
        return Table(uri=f"{self.root.rstrip('/')}/{name}", name=name, schema=_schema(name))

    @property
    def files(self) -> Files:
        return Files(root=f"{self.root.rstrip('/')}/files")

    def pending(self, name: str, partitions: Sequence[str]) -> Pending:
        """What a step that crashed had made of the rows of `partitions` of the table `name`."""
        return Pending(f"{self.root.rstrip('/')}/pending/{name}", partitions)

    @property
    def vectors(self) -> str:
        """Where the vector index lies."""
        return f"{self.root.rstrip('/')}/vectors"


def _schema(name: str) -> pa.Schema:
    lane, _, table = name.partition("/")
    if name in TABLES:
        return TABLES[name]
    if not lane or table not in LANE_TABLES:
        raise ConfigError(f"unknown table {name!r}; known: {sorted(TABLES)} and <lane>/{sorted(LANE_TABLES)}")
    return schemas.signals_schema(filters.rules()) if table == "signals" else LANE_TABLES[table]

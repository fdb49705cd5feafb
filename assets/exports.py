"""What leaves Parlance as instruct data: files that trainers load with their card, their lengths in tokens, the hub."""

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

import dagster as dg
import polars as pl
from pydantic import Field

from assets import metadata
from assets.boundary import no_useless_retries
from assets.code_versions import code_version
from assets.instruct import EXAMPLES
from assets.lanes import OWNERS, Lane
from assets.optional import needs
from assets.synthesis import SYNTHETIC
from assets.tokenizers import KINDS, name_of
from parlance import plots, schemas
from parlance.errors import ConfigError
from parlance.exports import hub
from parlance.stages import exports as stages
from parlance.tokenization.lengths import Lengths
from parlance.versions import content_version
from resources.hub import Hub
from resources.lake import LakeResource

NAME = "instruct/exports"
KEY = dg.AssetKey(NAME.split("/"))
BINS = 12


class ExportsConfig(dg.Config):
    """What is exported, and what its card says of itself."""

    synthetic: bool = Field(default=False, description="Whether generated examples are among the rows of split train.")
    title: str = Field(default="Instruct examples", description="The name on the card.")
    licence: str = Field(
        default="other", description="A licence identifier of the hub; `other`: the statement of rights on the card."
    )


class TokenCountsConfig(dg.Config):
    """By which tokenizer to count, and where a trainer would cut."""

    tokenizer: str = Field(default="byte_level_bpe", description=f"One of {', '.join(KINDS)}.")
    length: int = Field(default=1024, ge=1, description="Tokens that a trainer keeps of an example.")


class HubConfig(dg.Config):
    """How the export is pushed."""

    private: bool = Field(default=True, description="Whether a repository that is made now can be seen by you alone.")
    message: str = Field(default="Instruct examples by Parlance", description="The message of the commit.")


def export_assets(lanes: Sequence[Lane]) -> list[dg.AssetsDefinition]:
    """The exports of the examples, whose documents the recipes of `lanes` let through."""
    return [_exports({lane.name: lane.recipe for lane in lanes}), token_counts, hub_dataset]


def _exports(recipes: dict[str, str]) -> dg.AssetsDefinition:
    @dg.asset(
        key=KEY,
        deps=[EXAMPLES, SYNTHETIC],
        group_name="instruct",
        kinds={"json", "parquet", "huggingface"},
        owners=OWNERS,
        code_version=code_version("instruct", "exports", "stages.exports"),
    )
    @no_useless_retries
    def exports(config: ExportsConfig, lake: LakeResource) -> dg.MaterializeResult:
        """The examples in the layouts that trainers load, as Parquet and JSON lines, with a dataset card.

        Alpaca, ChatML, ShareGPT, prompt and completion, plain landmarks; `dataset_info.json` is for LLaMA-Factory,
        `axolotl.yaml` for axolotl. Generated examples are among them only with `synthetic: true`.
        """
        opened = lake.open()
        with tempfile.TemporaryDirectory(prefix="parlance-exports-") as scratch:
            made = stages.write_exports(opened, Path(scratch), recipes=recipes, **config.model_dump())
            with opened.files.publish(NAME, made.version) as folder:
                shutil.copytree(scratch, folder, dirs_exist_ok=True)
        folder = opened.files.folder(NAME, made.version)
        card = (folder / stages.CARD).read_text(encoding="utf-8")
        sizes = [(folder / name).stat().st_size for name in made.files]
        listed = pl.DataFrame({"file": list(made.files), "examples": list(made.files.values()), "bytes": sizes})
        return dg.MaterializeResult(
            data_version=dg.DataVersion(made.version),
            metadata={
                "dagster/uri": opened.files.uri(NAME, made.version),
                "examples": made.facts.examples,
                "synthetic": made.facts.synthetic,
                "splits": metadata.table_of(made.facts.by_split),
                "kinds": metadata.table_of(made.facts.by_kind),
                "layouts": metadata.table_of(made.facts.formats),
                "files": metadata.table_of(listed),
                "card": dg.MetadataValue.md(card.split("\n---\n", 1)[1]),
            },
        )

    return exports


@dg.asset(
    key=["instruct", "token_counts"],
    deps=[EXAMPLES, SYNTHETIC, *(name_of(kind).split("/") for kind in KINDS)],
    group_name="tokenizers",
    kinds={"deltalake", "huggingface"},
    owners=OWNERS,
    code_version=code_version("tokenization.masking", "tokenization.lengths", "stages.exports"),
    metadata={"dagster/column_schema": metadata.column_schema(schemas.TOKEN_COUNTS)},
)
@no_useless_retries
def token_counts(config: TokenCountsConfig, lake: LakeResource) -> dg.MaterializeResult:
    """How long each example is as a chat, how much of it is learned, and what cutting at a length would lose.

    Tokens by the chat template of the tokenizer; learned is what stands between its generation marks.
    """
    opened = lake.open()
    if config.tokenizer not in KINDS:
        raise ConfigError(f"unknown tokenizer {config.tokenizer!r}; known: {', '.join(KINDS)}")
    folder = opened.files.folder(name_of(config.tokenizer))
    named = f"{config.tokenizer}/{folder.name}"
    written, found = stages.write_token_counts(opened, folder, name=named, length=config.length)
    table = opened.table("instruct/token_counts")
    shown = metadata.of_table(table, written, preview=["split", "turns", "tokens", "response_tokens", "cut_tokens"])
    return dg.MaterializeResult(
        data_version=dg.DataVersion(content_version(map(str, found.rows.iter_rows()))),
        metadata=shown
        | {
            "dagster/row_count": written.rows,
            "tokenizer": named,
            "tokens": int(found.rows["tokens"].sum()),
            "response_tokens": int(found.rows["response_tokens"].sum()),
            "read_like_special_tokens": found.with_marks,
            "lengths": metadata.table_of(_summary(found)),
            "cut_at": metadata.table_of(found.cuts),
            "histogram": metadata.picture(histogram(found.rows)),
        },
    )


def _summary(found: Lengths) -> pl.DataFrame:
    """Quantiles of the lengths by split."""
    tokens = pl.col("tokens")
    quantiles = {"median": 0.5, "90%": 0.9, "99%": 0.99}
    counted = found.rows.group_by("split").agg(
        examples=pl.len(),
        **{name: tokens.quantile(share, "nearest") for name, share in quantiles.items()},
        longest=tokens.max(),
        learned=pl.col("response_tokens").sum() / tokens.sum(),
    )
    return counted.sort("split")


def histogram(rows: pl.DataFrame) -> str:
    """Examples by length in bins that double, up to the longest; as SVG."""
    bounds = [2**power for power in range(3, 3 + BINS)]
    longest = rows["tokens"].max()
    most = next((bound for bound in bounds if isinstance(longest, int) and longest <= bound), bounds[-1])
    shown = [bound for bound in bounds if bound <= most]
    places = pl.Series(shown[:-1], dtype=pl.Int32).search_sorted(rows["tokens"], side="left")
    counts = dict(places.value_counts().iter_rows())
    labels = [f"to {bound:,}" for bound in shown[:-1]] + [f"to {max(longest or 0, shown[-1]):,}"]
    series = {"examples": [counts.get(place, 0) for place in range(len(shown))]}
    return plots.grouped_bars(labels, series, title="Examples by length in tokens")


@dg.asset(
    key=["instruct", "hub_dataset"],
    deps=[KEY],
    group_name="instruct",
    kinds={"huggingface"},
    owners=OWNERS,
    tags=needs("PARLANCE_HUB_REPOSITORY"),
    code_version=code_version("exports.hub"),
)
@no_useless_retries
def hub_dataset(config: HubConfig, lake: LakeResource, hub_repository: Hub) -> dg.MaterializeResult:
    """The latest export as a data set on a hub, in one commit; files that it no longer has are deleted there.

    The repository is that of PARLANCE_HUB_REPOSITORY, made as a private one where it does not exist.
    """
    opened = lake.open()
    folder = opened.files.folder(NAME)
    pushed = hub.push(folder, hub_repository.target(), private=config.private, message=config.message)
    return dg.MaterializeResult(
        data_version=dg.DataVersion(folder.name),
        metadata={
            "repository": dg.MetadataValue.url(pushed.url),
            "commit": pushed.commit,
            "private": pushed.private,
            "export": folder.name,
            "files": pushed.files,
        },
    )

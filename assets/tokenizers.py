"""Tokenizers trained on the kept corpus, each an asset with its report and its round-trip check."""

from collections.abc import Sequence

import dagster as dg
import polars as pl
from pydantic import Field

from assets import metadata
from assets.boundary import no_useless_retries
from assets.code_versions import code_version
from assets.lanes import OWNERS, Lane
from parlance import plots, tokenization
from parlance.stages import corpus as stages
from parlance.versions import content_version, version
from resources.lake import LakeResource

KINDS: dict[tokenization.Kind, str] = {
    "byte_level_bpe": "Byte-level BPE: merges over bytes, so that no text is unknown. The models here use it.",
    "sentencepiece_bpe": "SentencePiece-style BPE: merges over characters with bytes as the last resort.",
}


class TokenizerConfig(dg.Config):
    """How a tokenizer is trained."""

    vocab_size: int = Field(default=4096, ge=300, description="Tokens, the special ones and the 256 bytes included.")
    min_frequency: int = Field(default=2, ge=1, description="A pair is merged when it occurs at least so often.")
    special_tokens: list[str] = Field(
        default=[], description="Further special tokens, after those of the chat template."
    )


def name_of(kind: str) -> str:
    return f"tokenizers/{kind}"


def tokenizer_assets(lanes: Sequence[Lane]) -> list[dg.AssetsDefinition]:
    """One tokenizer of each kind, trained on the kept documents of `lanes`."""
    return [_tokenizer(kind, lanes) for kind in KINDS]


def tokenizer_checks(lanes: Sequence[Lane]) -> list[dg.AssetChecksDefinition]:
    """The round-trip check of each tokenizer."""
    return [_round_trip(kind, lanes) for kind in KINDS]


def _tokenizer(kind: tokenization.Kind, lanes: Sequence[Lane]) -> dg.AssetsDefinition:
    names = [lane.name for lane in lanes]

    @dg.asset(
        key=["tokenizers", kind],
        description=KINDS[kind],
        deps=[dg.AssetDep(lane.key("kept"), partition_mapping=dg.AllPartitionMapping()) for lane in lanes],
        group_name="tokenizers",
        kinds={"huggingface"},
        owners=OWNERS,
        code_version=code_version("tokenization"),
    )
    @no_useless_retries
    def tokenizer(config: TokenizerConfig, lake: LakeResource) -> dg.MaterializeResult:
        opened = lake.open()
        settings = config.model_dump()
        content = content_version(stages.kept_texts(opened, names))
        made = version(kind, settings, content, code_version("tokenization"))
        with opened.files.publish(name_of(kind), made) as folder:
            report = stages.train_tokenizer(opened, names, kind=kind, folder=folder, **settings)
        total = report.filter(pl.col("language") == tokenization.ALL).row(0, named=True)
        languages = report.filter(pl.col("language") != tokenization.ALL).sort("tokens", descending=True).head(8)
        series = {"bytes per token": languages["bytes_per_token"].to_list()}
        plot = plots.grouped_bars(languages["language"].to_list(), series, title="Bytes per token by language")
        return dg.MaterializeResult(
            data_version=dg.DataVersion(made),
            metadata={
                "dagster/uri": opened.files.uri(name_of(kind), made),
                "fertility": total["fertility"],
                "bytes_per_token": total["bytes_per_token"],
                "unknown_rate": total["unknown_rate"],
                "report": metadata.table_of(report),
                "by_language": metadata.picture(plot),
            },
        )

    return tokenizer


def _round_trip(kind: str, lanes: Sequence[Lane]) -> dg.AssetChecksDefinition:
    names = [lane.name for lane in lanes]

    @dg.asset_check(asset=["tokenizers", kind], name="round_trip", blocking=True)
    def round_trip(lake: LakeResource) -> dg.AssetCheckResult:
        """Every kept text decodes to itself."""
        opened = lake.open()
        folder = opened.files.folder(name_of(kind))
        torn = tokenization.round_trip(folder, stages.kept_texts(opened, names))
        return dg.AssetCheckResult(
            passed=not torn, metadata={"changed": len(torn), "examples": [text[:200] for text in torn[:3]]}
        )

    return round_trip

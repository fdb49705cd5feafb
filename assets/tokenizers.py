"""Tokenizers trained from the lanes' pre-token counts, each with report and check; their comparison; token shards."""

from collections.abc import Sequence
from typing import Any

import dagster as dg
import polars as pl
from pydantic import Field

from assets import metadata
from assets.boundary import no_useless_retries
from assets.code_versions import code_version
from assets.lanes import OWNERS, Lane
from parlance import plots, tokenization
from parlance.stages import models as model_stages
from parlance.stages import tokenizers as stages
from parlance.tokenization import counting, shards
from parlance.versions import version
from resources.lake import LakeResource

KINDS: dict[tokenization.Kind, str] = {
    "byte_level_bpe": "Byte-level BPE: merges over bytes, so that no text is unknown. The models here use it.",
    "sentencepiece_bpe": "SentencePiece-style BPE: merges over characters with bytes as the last resort.",
    "unigram": "Unigram (SentencePiece): pieces chosen by the likelihood of the text, with bytes as the last resort.",
    "wordpiece": "WordPiece (BERT): words of pieces, without white space; what it does not know is one unknown token.",
}
SHARDED: tokenization.Kind = "byte_level_bpe"
SHARDS = "tokenizers/token_shards"
ENGINE = ("tokenization", "stages.tokenizers", "dedup.tokens", "dedup.vectors")
MOST_LANGUAGES = 8


class CountsConfig(dg.Config):
    """How the counts of the lanes are put together."""

    source_weights: dict[str, float] = Field(
        default={}, description="How much a count of a lane weighs, by its name; those not named weigh 1."
    )
    language_weights: dict[str, float] = Field(
        default={}, description="The same by language code. Both weights are multiplied, to thousandths."
    )
    min_frequency: int = Field(default=2, ge=1, description="A pair is merged when it occurs at least so often.")
    special_tokens: list[str] = Field(
        default=[], description="Further special tokens, after those of the chat template."
    )
    lowercase: bool = Field(default=True, description="Whether WordPiece sees small letters only.")


class TokenizerConfig(CountsConfig):
    """How a tokenizer is trained."""

    vocab_size: int = Field(default=4096, ge=300, description="Tokens, the special ones and the 256 bytes included.")
    digits: str = Field(
        default="groups", description="groups: as PARLANCE_TOKEN_CUT says; single: each digit is a token of its own."
    )
    documents_of_language: int = Field(
        default=500, ge=1, description="Documents of each language that the report is made of, drawn by their ids."
    )


class ComparisonConfig(CountsConfig):
    """What is compared, and on what."""

    kinds: list[str] = Field(default=list(KINDS), description="Kinds of tokenizers.")
    vocab_sizes: list[int] = Field(default=[1024, 4096, 16384], description="Sizes of vocabularies.")
    pretrained: list[str] = Field(default=[], description="Folders with a tokenizer.json to compare with.")
    documents_of_language: int = Field(default=150, ge=1, description="Documents of each language to measure on.")


class ShardsConfig(dg.Config):
    """How the corpus becomes token shards."""

    shard_mb: int = Field(default=256, ge=1, description="MB of text in a shard, about; one shard is held in memory.")
    seed: int = Field(default=0, ge=0, description="Where documents go; the same seed gives the same bytes.")


def name_of(kind: str) -> str:
    return f"tokenizers/{kind}"


def tokenizer_assets(lanes: Sequence[Lane]) -> list[dg.AssetsDefinition]:
    """One tokenizer of each kind, trained on the kept documents of `lanes`, their comparison, and token shards."""
    return [*(_tokenizer(kind, lanes) for kind in KINDS), _comparison(lanes), _token_shards(lanes)]


def tokenizer_checks(lanes: Sequence[Lane]) -> list[dg.AssetChecksDefinition]:
    """The round-trip check of each tokenizer, and the balance of the shards."""
    return [*(_round_trip(kind, lanes) for kind in KINDS), _tokens_are_in_shards()]


def _common(lanes: Sequence[Lane], *tables: str, more: Sequence[Any] = (), kinds: set[str] | None = None) -> Any:
    days = dg.AllPartitionMapping()
    return {
        "deps": [*(dg.AssetDep(lane.key(table), partition_mapping=days) for lane in lanes for table in tables), *more],
        "group_name": "tokenizers",
        "kinds": kinds or {"huggingface"},
        "owners": OWNERS,
        "code_version": code_version(*ENGINE),
    }


def _settings(config: CountsConfig, lanes: Sequence[Lane], scale: int, **more: Any) -> tokenization.Settings:
    return tokenization.Settings(
        min_frequency=config.min_frequency * scale,
        special_tokens=(*tokenization.SPECIAL_TOKENS, *config.special_tokens),
        cut=lanes[0].cut,
        lowercase=config.lowercase,
        **more,
    )


def _tokenizer(kind: tokenization.Kind, lanes: Sequence[Lane]) -> dg.AssetsDefinition:
    names = [lane.name for lane in lanes]

    @dg.asset(key=["tokenizers", kind], description=KINDS[kind], **_common(lanes, "kept", "pretokens"))
    @no_useless_retries
    def tokenizer(config: TokenizerConfig, lake: LakeResource) -> dg.MaterializeResult:
        opened = lake.open()
        counts, scale = stages.merged_counts(
            opened, names, lanes[0].cut, sources=config.source_weights, languages=config.language_weights
        )
        settings = _settings(config, lanes, scale, kind=kind, vocab_size=config.vocab_size, digits=config.digits)
        made = version(settings, counting.digest(counts), code_version("tokenization"))
        with opened.files.publish(name_of(kind), made) as folder:
            tokenization.train_from_counts(counts, settings, path=folder)
            texts = stages.drawn_texts(opened, names, each=config.documents_of_language)
            report = tokenization.report(folder, texts)
            lines = tokenization.digits(folder, tokenization.LINES)
        total = report.filter(pl.col("language") == tokenization.ALL).row(0, named=True)
        languages = report.filter(pl.col("language") != tokenization.ALL).sort("tokens", descending=True)
        languages = languages.head(MOST_LANGUAGES)
        series = {"bytes per token": languages["bytes_per_token"].to_list()}
        plot = plots.grouped_bars(languages["language"].to_list(), series, title="Bytes per token by language")
        return dg.MaterializeResult(
            data_version=dg.DataVersion(made),
            metadata={
                "dagster/uri": opened.files.uri(name_of(kind), made),
                "pretokens": int(counts["count"].sum()) // scale,
                "distinct_pretokens": counts.height,
                **{name: total[name] for name in ("fertility", "bytes_per_token", "unknown_rate", "renyi_efficiency")},
                "report": metadata.table_of(report),
                "numbers": metadata.table_of(_cut_lines(lines)),
                "by_language": metadata.picture(plot),
            },
        )

    return tokenizer


def _cut_lines(lines: Sequence[Sequence[str]]) -> pl.DataFrame:
    return pl.DataFrame({"line": tokenization.LINES, "cut": [" · ".join(pieces) for pieces in lines]})


def _comparison(lanes: Sequence[Lane]) -> dg.AssetsDefinition:
    names = [lane.name for lane in lanes]

    @dg.asset(
        key=["tokenizers", "comparison"], **_common(lanes, "kept", "pretokens", kinds={"huggingface", "matplotlib"})
    )
    @no_useless_retries
    def comparison(config: ComparisonConfig, lake: LakeResource) -> dg.MaterializeResult:
        """Kinds and sizes of vocabularies beside each other and beside pretrained ones, with a recommendation.

        Measured on documents that are drawn by their ids, of every language; it publishes nothing.
        """
        opened = lake.open()
        counts, scale = stages.merged_counts(
            opened, names, lanes[0].cut, sources=config.source_weights, languages=config.language_weights
        )
        found = tokenization.compare(
            counts,
            stages.drawn_texts(opened, names, each=config.documents_of_language),
            _settings(config, lanes, scale, kind=SHARDED, vocab_size=max(config.vocab_sizes, default=4096)),
            kinds=config.kinds,
            sizes=config.vocab_sizes,
            pretrained=config.pretrained,
        )
        totals = found.totals.select(
            "tokenizer",
            "vocabulary",
            "fertility",
            "bytes_per_token",
            "renyi_efficiency",
            "unknown_rate",
            "continued_word_share",
        )
        return dg.MaterializeResult(
            metadata={
                "recommendation": tokenization.recommendation(found),
                "tokenizers": metadata.table_of(totals),
                "numbers": metadata.table_of(found.cuts),
                "languages": metadata.table_of(_by_language(found)),
                "given_back": metadata.table_of(_given_back(found)),
                "pictures": metadata.pictures(tokenization.pictures(found)),
            }
        )

    return comparison


def _by_language(found: tokenization.Comparison) -> pl.DataFrame:
    """The token tax of each language, a column for each tokenizer of the largest size."""
    rates = found.rates.filter(pl.col("language") != tokenization.ALL)
    largest = tokenization.largest(found)
    return rates.filter(pl.col("tokenizer").is_in(largest)).pivot(
        "tokenizer", index=["language", "documents"], values="token_tax"
    )


def _given_back(found: tokenization.Comparison) -> pl.DataFrame:
    """The share of texts that come back, a row for each language."""
    return found.given_back.filter(pl.col("tokenizer").is_in(tokenization.largest(found))).pivot(
        "tokenizer", index="language", values="share"
    )


def _token_shards(lanes: Sequence[Lane]) -> dg.AssetsDefinition:
    names = [lane.name for lane in lanes]
    needed = [dg.AssetKey(["tokenizers", SHARDED]), dg.AssetKey(["instruct", "examples"])]

    @dg.asset(key=["tokenizers", "token_shards"], **_common(lanes, "kept", more=needed, kinds={"huggingface", "numpy"}))
    @no_useless_retries
    def token_shards(config: ShardsConfig, lake: LakeResource) -> dg.MaterializeResult:
        """The kept corpus as token ids for pre-training, shuffled by a seed: Megatron's `.bin` and `.idx`.

        Readers map the files into memory and cut samples of any length across documents, each of which ends with
        `<|end|>`. Threads held out for validation and test are not in them.
        """
        opened = lake.open()
        tokenizer = opened.files.folder(name_of(SHARDED))
        corpus_version = model_stages.corpus_version(opened, names)
        examples_version = model_stages.examples_version(opened)
        made = version(config.model_dump(), tokenizer.name, corpus_version, examples_version, code_version(*ENGINE))
        with opened.files.publish(SHARDS, made) as folder:
            written = stages.write_shards(opened, names, tokenizer, folder, shard_mb=config.shard_mb, seed=config.seed)
            files = sorted(path.stat().st_size for path in folder.iterdir())
        by_source = pl.DataFrame(
            {"source": list(written.tokens_by_source), "tokens": list(written.tokens_by_source.values())},
            schema={"source": pl.String, "tokens": pl.Int64},
        )
        return dg.MaterializeResult(
            data_version=dg.DataVersion(made),
            metadata={
                "dagster/uri": opened.files.uri(SHARDS, made),
                "tokens": written.tokens,
                "documents": written.documents,
                "shards": written.shards,
                "size_bytes": sum(files),
                "tokens_by_source": metadata.table_of(by_source),
                "tokens_of_sources": metadata.picture(plots.bars(written.tokens_by_source, title="Tokens by source")),
            },
        )

    return token_shards


def _round_trip(kind: tokenization.Kind, lanes: Sequence[Lane]) -> dg.AssetChecksDefinition:
    names = [lane.name for lane in lanes]
    is_words = kind == "wordpiece"
    description = (
        "Of every kept text the words come back, without white space and in the tokenizer's normal form, but for texts "
        "with a word that is unknown to it, which are counted."
        if is_words
        else "Every kept text of every language decodes to itself."
    )

    @dg.asset_check(asset=["tokenizers", kind], name="round_trip", blocking=True, description=description)
    def round_trip(lake: LakeResource) -> dg.AssetCheckResult:
        opened = lake.open()
        found = tokenization.round_trips(opened.files.folder(name_of(kind)), stages.kept_documents(opened, names))
        allowed = pl.col("unknown") if is_words else 0
        torn = found.select((pl.col("changed") - allowed).sum()).item()
        return dg.AssetCheckResult(
            passed=torn == 0,
            metadata={
                "changed": int(torn),
                "unknown": int(found["unknown"].sum()),
                "languages": metadata.table_of(found.sort("documents", "language", descending=[True, False])),
            },
        )

    return round_trip


def _tokens_are_in_shards() -> dg.AssetChecksDefinition:
    @dg.asset_check(asset=["tokenizers", "token_shards"], blocking=True)
    def tokens_are_in_shards(lake: LakeResource) -> dg.AssetCheckResult:
        """The tokens that were encoded, by source, are those that the shards hold, and every document ends as one."""
        folder = lake.open().files.folder(SHARDS)
        found = shards.balance(folder)
        return dg.AssetCheckResult(passed=found.is_even, metadata=found.__dict__)

    return tokens_are_in_shards

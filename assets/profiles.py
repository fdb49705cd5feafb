"""Task profiles: the corpus beside each, checks that can gate the instruct examples, and sets drawn to match."""

from collections.abc import Sequence
from typing import Any

import dagster as dg
import polars as pl
from pydantic import Field

from assets import metadata
from assets.boundary import no_useless_retries
from assets.code_versions import code_version
from assets.instruct import EXAMPLES
from assets.instruct import PROFILES as KEY
from assets.lanes import OWNERS, Lane
from assets.speech_act_model import GOLD
from parlance import plots, schemas
from parlance.errors import ConfigError
from parlance.lake import Lake
from parlance.profiles import Sample
from parlance.stages import profiles as stages
from resources.lake import LakeResource
from resources.profiles import TaskProfiles

GROUP = "insight"
ENGINE = ("profiles", "annotation.exam", "annotation.drawing", "stages.profiles", "stages.portions")


def profile_assets(lanes: Sequence[Lane]) -> list[dg.AssetsDefinition]:
    """The corpus of `lanes` beside the profiles, and what is drawn from it."""
    return [_profiles(lanes), _profile_sample(lanes)]


def _utterances(lanes: Sequence[Lane]) -> list[dg.AssetDep]:
    return [dg.AssetDep(lane.key("utterances"), partition_mapping=dg.AllPartitionMapping()) for lane in lanes]


def _profiles(lanes: Sequence[Lane]) -> dg.AssetsDefinition:
    @dg.asset(
        key=KEY,
        deps=[GOLD, *_utterances(lanes)],
        group_name=GROUP,
        kinds={"deltalake", "polars"},
        owners=OWNERS,
        code_version=code_version(*ENGINE),
        metadata={
            "dagster/column_schema": metadata.column_schema(schemas.PROFILE_ACTS),
            "profile_fits_columns": metadata.column_schema(schemas.PROFILE_FITS),
        },
    )
    @no_useless_retries
    def profiles(lake: LakeResource, task_profiles: TaskProfiles) -> dg.MaterializeResult:
        """The shares of speech acts in the corpus beside those that each task profile wants, in form and in function.

        Each share has the interval of 95 in 100 draws of documents, and is corrected for the confusion that the
        classifier has on held-out utterances and on the corpus' own gold; `corpus/profile_fits` has the divergence of
        the whole. The checks of this asset say whether each profile is met.
        """
        opened = lake.open()
        wanted = task_profiles.profiles()
        written, _ = stages.write_profiles(opened, wanted, [lane.name for lane in lanes])
        table = opened.table("corpus/profiles")
        fits = opened.table("corpus/profile_fits").scan().collect()
        shown = {f"{name}": _side_by_side(opened, name) for name in wanted}
        return dg.MaterializeResult(
            metadata=metadata.of_table(table, written)
            | {"dagster/row_count": written.rows, "fits": metadata.table_of(_fits(fits))}
            | shown
        )

    return profiles


def _fits(fits: pl.DataFrame) -> pl.DataFrame:
    return fits.select(
        "profile",
        "target",
        pl.when("matches").then(pl.lit("yes")).otherwise(pl.lit("no")).alias("matches"),
        "utterances",
        divergence=pl.coalesce("corrected_divergence", "divergence"),
        at_most="most_divergence",
        as_found="divergence",
        outside=pl.col("outside").list.join(", "),
    )


def _side_by_side(lake: Lake, name: str) -> dg.MetadataValue:
    """Picture and table of each target of a profile."""
    acts = lake.table("corpus/profiles").scan().filter(profile=name).collect()
    parts = []
    for (target,), rows in acts.group_by("target", maintain_order=True):
        parts += [metadata.image(picture(rows, title=f"{name}: {target}")), metadata.markdown(_in_percent(rows))]
    return dg.MetadataValue.md("\n\n".join(parts))


def picture(acts: pl.DataFrame, *, title: str) -> str:
    """The rows of PROFILE_ACTS of one target as SVG."""
    bands = [
        plots.Band(
            row["act"],
            row["wanted"],
            row["tolerance"],
            row["found"],
            *(
                (row["found"], row["found_low"], row["found_high"])
                if row["corrected"] is None
                else (row["corrected"], row["corrected_low"], row["corrected_high"])
            ),
        )
        for row in acts.iter_rows(named=True)
    ]
    return plots.bands(bands, title=title)


def _in_percent(acts: pl.DataFrame) -> pl.DataFrame:
    def interval(low: str, high: str) -> pl.Expr:
        return pl.format("{} – {}", (100 * pl.col(low)).round(1), (100 * pl.col(high)).round(1))

    return acts.select(
        "act",
        pl.format("{} ± {}", (100 * pl.col("wanted")).round(1), (100 * pl.col("tolerance")).round(1)).alias("wanted %"),
        (100 * pl.col("corrected")).round(1).alias("corrected %"),
        interval("corrected_low", "corrected_high").alias("95 in 100"),
        (100 * pl.col("found")).round(1).alias("found %"),
        interval("found_low", "found_high").alias("found, 95 in 100"),
        pl.when("inside").then(pl.lit("inside")).otherwise(pl.lit("outside")).alias("verdict"),
        pl.when("sure").then(pl.lit("")).otherwise(pl.lit("unsure")).alias("sure"),
    )


def profile_checks(names: Sequence[str], *, gate: str) -> list[dg.AssetChecksDefinition]:
    """One check for each profile; the one that is the `gate` blocks what comes after, the others warn.

    Raises ConfigError where there is no profile of the gate's name.
    """
    if gate and gate not in names:
        raise ConfigError(f"PARLANCE_PROFILE is {gate!r}; known profiles: {', '.join(names) or 'none'}")
    return [_check(name, gates=name == gate) for name in names]


def _check(name: str, *, gates: bool) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=KEY,
        name=f"corpus_matches_{name}",
        blocking=gates,
        description=f"The corpus matches profile `{name}`{', else no instruct examples are made' if gates else ''}.",
    )
    def check(lake: LakeResource) -> dg.AssetCheckResult:
        fits = lake.open().table("corpus/profile_fits").scan().filter(profile=name).sort("target").collect()
        said = [stages.described(row) for row in fits.iter_rows(named=True)]
        best = fits.select("target", pl.coalesce("corrected_divergence", "divergence"))
        return dg.AssetCheckResult(
            passed=not fits.is_empty() and bool(fits["matches"].all()),
            severity=dg.AssetCheckSeverity.ERROR if gates else dg.AssetCheckSeverity.WARN,
            description=". ".join(said) or f"the corpus was not compared with profile {name!r}",
            metadata={
                "fits": metadata.table_of(_fits(fits).drop("profile")),
                **{f"divergence_{target}_bits": dg.MetadataValue.float(bits) for target, bits in best.iter_rows()},
            },
        )

    return check


class ProfileSampleConfig(dg.Config):
    """What to draw, and for which profiles."""

    profiles: list[str] = Field(default=[], description="Profiles to draw for; none: all.")
    unit: str = Field(default="examples", description=f"What to draw: {' or '.join(stages.UNITS)}.")
    size: int = Field(default=0, ge=0, description="How many; 0: the largest set that matches.")
    seed: int = Field(default=1, ge=0, description="Decides which of equally good units are drawn.")


def _profile_sample(lanes: Sequence[Lane]) -> dg.AssetsDefinition:
    @dg.asset(
        key=["instruct", "profile_sample"],
        deps=[EXAMPLES, GOLD, *_utterances(lanes)],
        group_name="instruct",
        kinds={"deltalake", "polars"},
        owners=OWNERS,
        code_version=code_version(*ENGINE),
        metadata={
            "dagster/column_schema": metadata.column_schema(schemas.PROFILE_SAMPLE),
            "profile_shortfalls_columns": metadata.column_schema(schemas.PROFILE_SHORTFALLS),
        },
    )
    @no_useless_retries
    def profile_sample(
        config: ProfileSampleConfig, lake: LakeResource, task_profiles: TaskProfiles
    ) -> dg.MaterializeResult:
        """For each profile a set of instruct examples, or of documents, whose speech acts match it.

        It is the largest such set, or one of the size asked for, each unit once. Where the corpus cannot, it is the
        set that comes nearest, and `instruct/profile_shortfalls` says per act what is missing. Join it by `id`.
        """
        wanted = task_profiles.profiles()
        if unknown := sorted({*config.profiles} - {*wanted}):
            raise ConfigError(f"unknown profiles {unknown}; known: {', '.join(wanted)}")
        chosen = [wanted[name] for name in config.profiles or wanted]
        opened = lake.open()
        written, drawn = stages.write_samples(
            opened, chosen, [lane.name for lane in lanes], unit=config.unit, size=config.size, seed=config.seed
        )
        table = opened.table("instruct/profile_sample")
        return dg.MaterializeResult(
            metadata=metadata.of_table(table, written)
            | {"dagster/row_count": written.rows, "unit": config.unit, "sets": metadata.table_of(_sets(drawn))}
            | {name: _lacking(sample) for name, sample in drawn.items()}
        )

    return profile_sample


def _sets(drawn: dict[str, Sample]) -> pl.DataFrame:
    rows: list[dict[str, Any]] = [
        {
            "profile": name,
            "drawn": len(sample.places),
            "matches": "yes" if sample.matches else "no",
            "has enough utterances": "yes" if sample.enough else "no",
            "largest that matches": sample.largest,
            **{f"divergence, {target}": bits for target, bits in sample.divergences.items()},
        }
        for name, sample in drawn.items()
    ]
    return pl.DataFrame(rows)


def _lacking(sample: Sample) -> dg.MetadataValue:
    """The acts of a set beside what was wanted, and what is missing."""
    rows = sample.shortfalls.drop("profile")
    return metadata.table_of(
        rows.select(
            "target",
            "act",
            pl.format("{} ± {}", (100 * pl.col("wanted")).round(1), (100 * pl.col("tolerance")).round(1)).alias(
                "wanted %"
            ),
            (100 * pl.col("share")).round(1).alias("share %"),
            "available",
            "drawn",
            pl.when("inside").then(pl.lit("inside")).otherwise(pl.lit("outside")).alias("verdict"),
            pl.col("missing").round(1),
            pl.col("largest").round(0).alias("most utterances that it allows"),
        )
    )

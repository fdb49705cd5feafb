"""Profiles beside the corpus of the lake, and sets drawn from it that match them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from parlance import profiles, schemas
from parlance.annotation import exam
from parlance.annotation.picking import RANDOM
from parlance.errors import ConfigError
from parlance.lake import Lake
from parlance.profiles import Comparison, Confusion, Profile, Sample
from parlance.profiles.bootstrap import REPLICATES, replicated_sums
from parlance.profiles.comparing import COLUMNS, columns_of
from parlance.profiles.correction import counted, truths
from parlance.profiles.reading import TARGETS
from parlance.speech_acts.labels import LABELS
from parlance.stages.portions import whole_documents
from parlance.storage import Written, record_batches
from parlance.storage.tables import empty_frame

SEED: Final = 1
UNITS: Final = ("examples", "documents")


@dataclass(frozen=True, kw_only=True)
class Units:
    """What may be drawn: `rows` (id, document_id, source, utterances) and `counts` (rows, COLUMNS)."""

    rows: pl.DataFrame
    counts: NDArray[np.float64]


def write_profiles(lake: Lake, wanted: Mapping[str, Profile], lanes: Sequence[str]) -> tuple[Written, Written]:
    """The corpus beside each profile, as tables of acts and of fits. Raises ConfigError for unknown sources."""
    known = Known.of(lake, lanes)
    compared = [compare(lake, profile, lanes, confusion=known.confusion(lake, profile)) for profile in wanted.values()]
    acts = pl.concat([empty_frame(schemas.PROFILE_ACTS), *(one.acts for one in compared)])
    fits = pl.concat([empty_frame(schemas.PROFILE_FITS), *(one.fits for one in compared)])
    written = lake.table("corpus/profiles").replace(record_batches(acts, schemas.PROFILE_ACTS))
    return written, lake.table("corpus/profile_fits").replace(record_batches(fits, schemas.PROFILE_FITS))


@dataclass(frozen=True, kw_only=True)
class Known:
    """How the classifier in use errs on held-out utterances, by target, and the gold that was drawn at random.

    `gold` has id, source, document_id, for each target its label and `<target>_found`, and whether it `is_exam`: was
    never trained on. Without a classifier nothing is known.
    """

    held_out: Mapping[str, Confusion]
    gold: pl.DataFrame

    @classmethod
    def of(cls, lake: Lake, lanes: Sequence[str]) -> "Known":
        in_use = lake.files.latest("corpus/speech_act_model")
        held_out = profiles.read_confusion(lake.files.folder("corpus/speech_act_model")) if in_use else {}
        said = pl.concat([lake.table(f"{lane}/utterances").scan().select("id", *TARGETS) for lane in lanes])
        gold = lake.table("corpus/gold").scan().select("id", "source", "document_id", "sample", *TARGETS)
        trained_on, asked = exam.split(gold.join(said, on="id", suffix="_found").collect())
        parts = [asked.with_columns(is_exam=True), trained_on.filter(sample=RANDOM).with_columns(is_exam=False)]
        return cls(held_out=held_out, gold=pl.concat(parts))

    def confusion(self, lake: Lake, profile: Profile) -> dict[str, Confusion]:
        """By target, with the gold of the texts that `profile` is for behind that of others."""
        ours = _of_profile(lake, self.gold, profile)
        parts = [part.filter("is_exam") for part in (self.gold.join(ours, on="id", how="anti"), ours)]
        learned = ours.filter(~pl.col("is_exam"))
        return {
            target: replace(
                held_out,
                own=[counted(part[target], part[f"{target}_found"]) for part in parts],
                learned=np.array([(learned[target] == label).sum() for label in LABELS], dtype=np.float64),
            )
            for target, held_out in self.held_out.items()
        }


def _of_profile(lake: Lake, gold: pl.DataFrame, profile: Profile) -> pl.DataFrame:
    """The gold of the sources and channels that `profile` is for."""
    ours = gold.filter(pl.col("source").is_in(profile.sources)) if profile.sources else gold
    if not profile.channels or ours.is_empty():
        return ours
    kept = (lake.table(f"{lane}/kept").scan() for lane in ours["source"].unique())
    chosen = [one.filter(pl.col("channel").is_in(profile.channels)).select(document_id="id") for one in kept]
    return ours.join(pl.concat(chosen).collect(), on="document_id", how="semi")


def compare(lake: Lake, profile: Profile, lanes: Sequence[str], *, confusion: Mapping[str, Confusion]) -> Comparison:
    """The documents that `profile` is for beside it; in memory are the counts of a million utterances' documents."""
    totals, again = np.zeros(len(COLUMNS)), np.zeros((REPLICATES, len(COLUMNS)))
    documents = 0
    for frame in documents_of(lake, profile, lanes):
        counts = _matrix(frame)
        totals += counts.sum(axis=0)
        again += replicated_sums(frame["document_id"], counts, seed=SEED)
        documents += frame.height
    return profiles.compare(profile, totals, again, documents=documents, confusion=confusion, seed=SEED)


def documents_of(lake: Lake, profile: Profile, lanes: Sequence[str]) -> Iterator[pl.DataFrame]:
    """`document_id`, `source` and the counts of COLUMNS for each document of the profile's sources and channels."""
    for lane in _sources(profile, lanes):
        columns = ("document_id", "source", *TARGETS)
        for partitions, frame in whole_documents(lake.table(f"{lane}/utterances"), columns):
            ours = _of_channels(lake, lane, partitions, profile)
            chosen = frame if ours is None else frame.join(ours, on="document_id", how="semi")
            yield _counted(chosen, ["document_id", "source"])


def examples_of(lake: Lake, profile: Profile, lanes: Sequence[str]) -> pl.DataFrame:
    """As `documents_of`, for the messages, or parts of a page, that examples hold; with `id`, that of the example."""
    examples = lake.table("instruct/examples").scan()
    if profile.channels:
        examples = examples.filter(pl.col("channel").is_in(profile.channels))
    held = examples.select("id", "document_id", message_id="raw_ids").explode("message_id").drop_nulls().collect()
    contents = pl.col("messages").list.eval(pl.element().struct.field("content"))
    told = examples.select("id", "document_id", told=contents.list.join("\n")).collect()
    frames = [_empty_counts()]
    for lane in _sources(profile, lanes):
        columns = ("document_id", "source", "message_id", "text", *TARGETS)
        for _, frame in whole_documents(lake.table(f"{lane}/utterances"), columns):
            of_messages = frame.join(held, on=["document_id", "message_id"], how="inner")
            pages = frame.filter(pl.col("message_id").is_null()).join(told, on="document_id", how="inner")
            of_pages = pages.filter(pl.col("told").str.contains(pl.col("text"), literal=True))
            joined = pl.concat([of_messages, of_pages.select(of_messages.columns)])
            frames.append(_counted(joined, ["id", "document_id", "source"]))
    return pl.concat(frames)


def candidates(lake: Lake, profile: Profile, lanes: Sequence[str], *, unit: str) -> Units:
    """Everything that may be drawn for `profile`, each unit once, in the order of ids."""
    if unit not in UNITS:
        raise ConfigError(f"unknown unit {unit!r}; known: {', '.join(UNITS)}")
    if unit == "examples":
        found = examples_of(lake, profile, lanes)
    else:
        frames = [frame.with_columns(id="document_id") for frame in documents_of(lake, profile, lanes)]
        found = pl.concat([_empty_counts(), *(frame.select(_empty_counts().columns) for frame in frames)])
    found = found.sort("id")
    first = pl.sum_horizontal(COLUMNS[: len(LABELS)]).cast(pl.Int64)
    rows = found.select("id", "document_id", "source", utterances=first)
    return Units(rows=rows, counts=_matrix(found))


def write_samples(
    lake: Lake, wanted: Sequence[Profile], lanes: Sequence[str], *, unit: str, size: int, seed: int
) -> tuple[Written, dict[str, Sample]]:
    """Draws a set for each profile: its ids in one table, what it lacks in `instruct/profile_shortfalls`."""
    known = Known.of(lake, lanes)
    drawn: dict[str, Sample] = {}
    rows = [empty_frame(schemas.PROFILE_SAMPLE)]
    for profile in wanted:
        units = candidates(lake, profile, lanes, unit=unit)
        found = {target: units.counts[:, columns_of(target)].sum(axis=0) for target in profile.targets}
        shares = {target: sums / max(sums.sum(), 1) for target, sums in found.items()}
        sample = profiles.draw(
            profile,
            units.rows["id"],
            units.counts,
            size=size,
            seed=seed,
            truths=truths(known.confusion(lake, profile), shares),
        )
        drawn[profile.name] = sample
        rows.append(units.rows[sample.places].select(pl.lit(profile.name).alias("profile"), pl.all()))
    shortfalls = pl.concat([empty_frame(schemas.PROFILE_SHORTFALLS), *(one.shortfalls for one in drawn.values())])
    lake.table("instruct/profile_shortfalls").replace(record_batches(shortfalls, schemas.PROFILE_SHORTFALLS))
    table = lake.table("instruct/profile_sample")
    return table.replace(record_batches(pl.concat(rows), schemas.PROFILE_SAMPLE)), drawn


def require_match(lake: Lake, name: str) -> None:
    """Raises ConfigError where the corpus, as it was last compared, does not match the profile `name`."""
    fits = lake.table("corpus/profile_fits").scan().filter(profile=name).sort("target").collect()
    if fits.is_empty():
        raise ConfigError(f"the corpus was not compared with profile {name!r}: materialise corpus/profiles first")
    if failed := [described(row) for row in fits.iter_rows(named=True) if not row["matches"]]:
        raise ConfigError(f"the corpus does not match profile {name!r}, which PARLANCE_PROFILE names: {failed}")


def described(fit: Mapping[str, object]) -> str:
    """A row of PROFILE_FITS in words.

    >>> row = {"target": "form", "utterances": 9, "least_utterances": 10, "outside": ["question"]}
    >>> described(row | {"divergence": 0.25, "corrected_divergence": None, "most_divergence": 0.1, "matches": False})
    'form: divergence 0.250 of at most 0.1 bits; outside: question; 9 utterances of at least 10'
    """
    best = fit["divergence"] if fit["corrected_divergence"] is None else fit["corrected_divergence"]
    outside = fit["outside"]
    assert isinstance(outside, list)
    said = [f"divergence {best:.3f} of at most {fit['most_divergence']:g} bits"]
    said += [f"outside: {', '.join(outside)}"] if outside else []
    said.append(f"{fit['utterances']:,} utterances of at least {fit['least_utterances']:,}")
    return f"{fit['target']}: {'; '.join(said)}"


def _sources(profile: Profile, lanes: Sequence[str]) -> Sequence[str]:
    if unknown := sorted({*profile.sources} - {*lanes}):
        raise ConfigError(f"profile {profile.name!r} is for unknown sources {unknown}; known: {', '.join(lanes)}")
    return profile.sources or lanes


def _of_channels(lake: Lake, lane: str, partitions: Sequence[str], profile: Profile) -> pl.DataFrame | None:
    """Ids of the documents in the channels of the profile; null where it is for all."""
    if not profile.channels:
        return None
    kept = lake.table(f"{lane}/kept").scan(partitions).filter(pl.col("channel").is_in(profile.channels))
    return kept.select(document_id="id").collect()


def _counted(frame: pl.DataFrame, keys: Sequence[str]) -> pl.DataFrame:
    names = (column.split(":") for column in COLUMNS)
    sums = [(pl.col(target) == act).sum().cast(pl.UInt32).alias(f"{target}:{act}") for target, act in names]
    return frame.group_by(keys).agg(sums).sort(keys[0])


def _matrix(frame: pl.DataFrame) -> NDArray[np.float64]:
    return frame.select(COLUMNS).cast(pl.Float64).to_numpy()


def _empty_counts() -> pl.DataFrame:
    named = {"id": pl.String, "document_id": pl.String, "source": pl.String}
    return pl.DataFrame(schema=named | dict.fromkeys(COLUMNS, pl.UInt32))

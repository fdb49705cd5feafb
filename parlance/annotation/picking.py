"""Which utterances people should annotate, and why."""

from typing import Final

import polars as pl

from parlance.annotation.drawing import positions, reserved
from parlance.errors import ConfigError, SchemaError

RANDOM, UNCERTAIN, DISAGREEING, RARE = "random", "uncertain", "disagreeing", "rare"
REASONS: Final = (RANDOM, UNCERTAIN, DISAGREEING, RARE)
RARE_BELOW: Final = 0.05  # of the predicted labels

NEEDED: Final = ("id", "is_bot", "form", "form_score", "function", "function_score", "function_alone")
PICKED: Final = {
    "id": pl.String,
    "reason": pl.String,
    "exported": pl.Boolean,
    "shared": pl.Boolean,
    "probability": pl.Float64,
}
ALREADY: Final = {"id": pl.String, "reason": pl.String}
WEAK: Final = {"id": pl.String, "label": pl.String}


def pick(
    utterances: pl.DataFrame,
    *,
    size: int,
    random_share: float,
    shared: float,
    seed: int,
    already: pl.DataFrame | None = None,
    weak: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """`size` utterances with the `reason` of each, in an order that depends on their ids alone.

    The share `random_share` is drawn at random: those with the lowest hashes that were not drawn before. So the random
    sample of all batches together is at any time every utterance below one bound, whatever was picked for other
    reasons and whatever came later; each has the `probability` (sample by corpus) to be in it. One that was given out
    before is drawn without being `exported` again. The others are in equal parts `uncertain` (lowest score),
    `disagreeing` (the labels of form, function, function alone and `weak` differ most) and `rare` (predicted labels
    below 5%, the rarest first); where a kind runs out the next takes its place. None of these is ever one that the
    exam could ask for. The share `shared` of those exported is for all annotators.

    `utterances` has the columns `NEEDED`; bots are left out. `already` has id and reason of everything given out
    before, `weak` id and label of what weak supervision says of the function. Columns: `PICKED`.
    """
    _check(utterances, size=size, random_share=random_share, shared=shared)
    people = utterances.filter(~pl.col("is_bot")).select(NEEDED)
    people = people.with_columns(position=positions(people["id"], seed=seed, use="random")).sort("position", "id")
    already = pl.DataFrame(schema=ALREADY) if already is None else already
    drawn_before = people.join(already.filter(pl.col("reason") == RANDOM), on="id", how="semi").height
    random = people.join(already.filter(pl.col("reason") == RANDOM), on="id", how="anti").head(
        round(size * random_share)
    )
    probability = (drawn_before + random.height) / max(people.height, 1)
    free = people.join(already, on="id", how="anti").join(random, on="id", how="anti")
    free = free.filter(~reserved(free["id"]))
    chosen = _chosen(free, people, size - round(size * random_share), weak)
    out = random.join(already, on="id", how="semi")
    picked = pl.concat(
        [
            random.select("id", "position", reason=pl.lit(RANDOM), probability=pl.lit(probability)),
            chosen.select("id", "position", "reason", probability=pl.lit(None, dtype=pl.Float64)),
        ]
    ).with_columns(exported=~pl.col("id").is_in(out["id"].implode()))
    return _shared(picked, shared, seed).sort("position", "id").select(*PICKED)


def _check(utterances: pl.DataFrame, *, size: int, random_share: float, shared: float) -> None:
    if missing := [name for name in NEEDED if name not in utterances.columns]:
        raise SchemaError(f"utterances lack the columns {missing}; needed: {list(NEEDED)}")
    if size < 1:
        raise ConfigError(f"size is {size}; at least 1 utterance is needed")
    for name, value in (("random_share", random_share), ("shared", shared)):
        if not 0 <= value <= 1:
            raise ConfigError(f"{name} is {value}; it must lie between 0 and 1")


def _chosen(free: pl.DataFrame, people: pl.DataFrame, size: int, weak: pl.DataFrame | None) -> pl.DataFrame:
    """`size` of the `free` utterances, in turn the next of each kind that is not taken, until none is left."""
    votes = pl.DataFrame(schema=WEAK) if weak is None else weak
    score = pl.min_horizontal("form_score", "function_score")
    free = free.join(votes.unique("id").select("id", weak="label"), on="id", how="left").with_columns(score=score)
    apart = [
        (pl.col("function") != pl.col("function_alone")).cast(pl.Int32),
        (pl.col("function") != pl.col("weak")).fill_null(False).cast(pl.Int32),
        (pl.col("form") != pl.col("function")).cast(pl.Int32),
    ]
    free = free.with_columns(apart=pl.sum_horizontal(apart)).join(_rare(free, people), on="id", how="left")
    kinds = {
        RARE: free.filter(pl.col("rank").is_not_null()).sort("rank", "share", "position", "id"),
        DISAGREEING: free.filter(pl.col("apart") > 0).sort(
            "apart", "score", "position", "id", descending=[True, False, False, False]
        ),
        UNCERTAIN: free.sort("score", "position", "id"),
    }
    queues = [
        frame.select("id", "position", reason=pl.lit(kind), turn=pl.int_range(pl.len()), kind=pl.lit(place))
        for place, (kind, frame) in enumerate(kinds.items())
    ]
    # Each kind offers its utterances in order; one that two kinds offer goes to where it stands earlier.
    return pl.concat(queues).sort("turn", "kind").unique("id", keep="first", maintain_order=True).head(size)


def _rare(free: pl.DataFrame, people: pl.DataFrame) -> pl.DataFrame:
    """The free utterances with a rare function or form: its `share`, and their `rank` among those that have it."""
    found = []
    for target in ("function", "form"):
        shares = people.group_by(target).agg(share=pl.len() / max(people.height, 1))
        rare = free.join(shares.filter(pl.col("share") < RARE_BELOW), on=target, how="inner")
        found.append(rare.select("id", "position", "share", label=pl.format("{}: {}", pl.lit(target), target)))
    rows = pl.concat(found).sort("share", "label", "position", "id").unique("id", keep="first", maintain_order=True)
    return rows.select("id", "share", rank=pl.int_range(pl.len()).over("label"))


def _shared(picked: pl.DataFrame, share: float, seed: int) -> pl.DataFrame:
    """Which of the exported are for everybody: as many of them as `share` asks for, by another hash."""
    place = positions(picked["id"], seed=seed, use="shared")
    ranked = picked.with_columns(place=place).sort("exported", "place", "id", descending=[True, False, False])
    many = round(float(picked["exported"].sum()) * share)
    return ranked.with_columns(shared=pl.int_range(pl.len()) < many)

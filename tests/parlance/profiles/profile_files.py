"""Profiles for tests."""

from collections.abc import Mapping
from pathlib import Path

import yaml

from parlance.profiles import Profile, Target
from parlance.speech_acts import LABELS

EVEN = dict.fromkeys(LABELS, 0.125)


def settings(shares: Mapping[str, float] = EVEN, *, tolerance: float = 0.05, bound: float = 0.05) -> dict[str, object]:
    """The settings of a target as a file has them; acts that are left out have no share."""
    acts = {str(act): {"share": shares.get(act, 0), "tolerance": tolerance} for act in LABELS}
    return {"most_divergence": bound, "acts": acts}


def written(folder: Path, name: str, **found: object) -> Path:
    """A profile file with these settings."""
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump(found), encoding="utf-8")
    return path


def profile(
    shares: Mapping[str, float] = EVEN,
    *,
    tolerance: float = 0.05,
    bound: float = 1.0,
    least: int = 1,
    targets: tuple[str, ...] = ("function",),
) -> Profile:
    """The same shares for each of `targets`."""
    target = Target(
        shares=tuple(shares.get(act, 0.0) for act in LABELS),
        tolerances=(tolerance,) * len(LABELS),
        most_divergence=bound,
    )
    return Profile(
        name="p",
        description="",
        sources=(),
        channels=(),
        least_utterances=least,
        targets=dict.fromkeys(targets, target),
    )

"""The lanes: one module each, with a function `lane`. A new module here is a new lane; nothing else is edited."""

import importlib
import pkgutil
from dataclasses import replace

from assets.lanes import Lane
from orchestration.settings import setting
from parlance.tokenization.cuts import Cut


def lanes() -> dict[str, Lane]:
    """Every lane by name, with its partitions, its source and how its texts are cut from the settings."""
    cut = Cut.named(setting("PARLANCE_TOKEN_CUT"))
    modules = sorted(module.name for module in pkgutil.iter_modules(__path__))
    found = [importlib.import_module(f"{__name__}.{module}").lane() for module in modules]
    return {lane.name: replace(lane, cut=cut) for lane in found}

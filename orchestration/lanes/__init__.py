"""The lanes: one module each, with a function `lane`. A new module here is a new lane; nothing else is edited."""

import importlib
import pkgutil

from assets.lanes import Lane


def lanes() -> dict[str, Lane]:
    """Every lane by name, with its partitions and its source from the settings."""
    modules = sorted(module.name for module in pkgutil.iter_modules(__path__))
    found = [importlib.import_module(f"{__name__}.{module}").lane() for module in modules]
    return {lane.name: lane for lane in found}

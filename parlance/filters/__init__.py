"""Rules measure a document; recipes say which measures are acceptable; `decide` writes the reasons.

Importing the package loads neither Polars nor any rule, so that code that only names a recipe stays light.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from parlance.filters.deciding import compare, decide
    from parlance.filters.measuring import measure
    from parlance.filters.registry import describe, rules

__all__ = ["compare", "decide", "describe", "measure", "rules"]

_MODULES = {
    "compare": "deciding",
    "decide": "deciding",
    "describe": "registry",
    "measure": "measuring",
    "rules": "registry",
}


def __getattr__(name: str) -> object:
    from importlib import import_module

    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)

"""Instruct examples from answered Slack threads, and the layouts that trainers load.

`build` and `reasons` together account for every thread; `unanswered` lists what is still to be answered.
"""

from parlance.instruct.example import Example
from parlance.instruct.examples import build, reasons, unanswered
from parlance.instruct.formats import export, formats, parse

__all__ = ["Example", "build", "export", "formats", "parse", "reasons", "unanswered"]

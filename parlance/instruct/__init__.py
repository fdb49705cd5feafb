"""Instruct examples from threads and pages, and the layouts that trainers load.

`build` and `reasons` together account for every document; `unanswered` lists what is still to be answered, `trace`
says where an example comes from.
"""

from parlance.instruct.example import Example
from parlance.instruct.examples import build, reasons, unanswered
from parlance.instruct.formats import export, formats, parse
from parlance.instruct.tracing import Trace, trace

__all__ = ["Example", "Trace", "build", "export", "formats", "parse", "reasons", "trace", "unanswered"]

"""The one-page report of a corpus: what came in, what was kept and why not the rest, and what was made of it."""

from parlance.report.figures import Figures, collect
from parlance.report.page import days, funnels, render

__all__ = ["Figures", "collect", "days", "funnels", "render"]

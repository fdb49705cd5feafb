"""`python -m orchestration.why ID` says why a document was kept or dropped, and where an example comes from."""

import argparse
import re
import sys

import polars as pl
from rich.columns import Columns
from rich.console import Console
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from orchestration.lanes import lanes
from orchestration.settings import lake_root
from parlance.dedup.explaining import Span
from parlance.errors import ConfigError
from parlance.instruct import Trace, trace
from parlance.lake import Lake
from parlance.stages.why import Why, why

SHOWN_CHARACTERS = 4_000
SHOWN_MEMBERS = 20
EXAMPLE = re.compile(r"[0-9a-f]{32}")  # no document has such an id: theirs begin with the lane


def main() -> int:
    """Prints the decision on a document, or the way of an example, by the first argument; 1 where there is neither."""
    parser = argparse.ArgumentParser(
        description="Says why a document was kept or dropped, or where an example is from."
    )
    parser.add_argument("id", help="of a document, as in the tables documents, kept and dropped, or of an example")
    options = parser.parse_args()
    console = Console()
    lake = Lake(root=lake_root())
    try:
        if EXAMPLE.fullmatch(options.id):
            show_trace(trace(lake, options.id), console)
        else:
            show(why(lake, list(lanes()), options.id), console)
    except ConfigError as error:
        console.print(f"[bold red]{error}[/]", highlight=False)
        return 1
    return 0


def show(found: Why, console: Console) -> None:
    """The verdict, the cluster, and the text beside the survivor's with what both share in colour."""
    console.print(Text(f"{found.id}  (lane {found.lane}, partition {found.partition})", style="bold"))
    if found.dropped is None:
        console.print("Kept: it breaks no rule and stands for its cluster." if found.cluster.height else "Kept.")
    else:
        console.print(f"Dropped: {', '.join(found.dropped['reasons'])}", highlight=False)
        if found.dropped["rule"] == "contamination":
            console.print(f"It holds the evaluation item {found.dropped['detail']}.", highlight=False, markup=False)
    if found.cluster.height:
        table = Table("document", "lane", "kind", "kept", "Jaccard", title="Its cluster", title_justify="left")
        for row in found.cluster.head(SHOWN_MEMBERS).iter_rows(named=True):
            kept = "yes" if row["keep"] else ""
            table.add_row(Text(row["id"]), row["source"], row["kind"], kept, f"{row['jaccard']:.3f}")
        console.print(table)
        if found.cluster.height > SHOWN_MEMBERS:
            console.print(f"and {found.cluster.height - SHOWN_MEMBERS} more")
    if found.common is None or found.survivor_text is None:
        console.print(Panel(Text(found.text[:SHOWN_CHARACTERS])))
        return
    width = max(20, console.width // 2 - 1)
    ours = Panel(_marked(found.text, found.common.left), title="this document", width=width)
    theirs = Panel(_marked(found.survivor_text, found.common.right), title=Text(found.survivor or ""), width=width)
    console.print(Columns([ours, theirs], padding=0))


def show_trace(found: Trace, console: Console) -> None:
    """The example, what its sources sent, what was measured and decided of its document, its acts and its side."""
    example = found.example
    console.print(Text(f"{example['id']}  ({example['kind']} of {example['document_id']})", style="bold"))
    for message in example["messages"]:
        console.print(Panel(Text(message["content"][:SHOWN_CHARACTERS]), title=message["role"], title_align="left"))
    for source, sent, rights in zip(found.sources, found.raw["created_at"], found.raw["rights"], strict=True):
        console.print(f"From {source}, {sent or 'no date'}, rights {rights or '-'}", highlight=False, markup=False)
    decided = ("language", "language_score", "contamination", "blocked_host", "blocked_words", "quality")
    measured = [f"{name} {found.signals[name]}" for name in decided if found.signals.get(name) is not None]
    console.print(f"Kept in {found.document['partition']}: {', '.join(measured)}", highlight=False, markup=False)
    if found.duplicates.height:
        members = found.duplicates.select("id", "source", "kind", "keep", "jaccard")
        console.print(_table("Cluster of its document", members))
    acts = found.utterances.select("text", "form", "function", "function_score", "abstained")
    console.print(_table("Speech acts", acts))
    reasons = ", ".join(example["quality_reasons"]) or "nothing lowers it"
    console.print(f"Quality {example['quality']:.2f}: {reasons}", highlight=False, markup=False)
    console.print(f"Split {example['split']}", highlight=False)
    if found.together.height:
        console.print(_table("On the same side", found.together))


def _table(title: str, rows: pl.DataFrame) -> Table:
    table = Table(*rows.columns, title=title, title_justify="left")
    for row in rows.head(SHOWN_MEMBERS).iter_rows():
        table.add_row(
            *(
                Text("" if value is None else f"{value:.3f}" if isinstance(value, float) else str(value))
                for value in row
            )
        )
    if rows.height > SHOWN_MEMBERS:
        table.caption = f"and {rows.height - SHOWN_MEMBERS} more"
    return table


def _marked(text: str, spans: list[Span]) -> Text:
    shown = Text(text[:SHOWN_CHARACTERS])
    for start, end in spans:
        shown.stylize("green", start, min(end, SHOWN_CHARACTERS))
    return shown


if __name__ == "__main__":
    sys.exit(main())

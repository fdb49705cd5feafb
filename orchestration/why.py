"""`python -m orchestration.why ID` says why a document was kept or dropped."""

import argparse
import sys

from rich.columns import Columns
from rich.console import Console
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from orchestration.lanes import lanes
from orchestration.settings import lake_root
from parlance.dedup.explaining import Span
from parlance.errors import ConfigError
from parlance.lake import Lake
from parlance.stages.why import Why, why

SHOWN_CHARACTERS = 4_000
SHOWN_MEMBERS = 20


def main() -> int:
    """Prints the decision on the document of the first argument; 1 where there is no such document."""
    parser = argparse.ArgumentParser(description="Says why a document was kept or dropped.")
    parser.add_argument("id", help="the document's id, as in the tables documents, kept and dropped")
    options = parser.parse_args()
    console = Console()
    try:
        show(why(Lake(root=lake_root()), list(lanes()), options.id), console)
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


def _marked(text: str, spans: list[Span]) -> Text:
    shown = Text(text[:SHOWN_CHARACTERS])
    for start, end in spans:
        shown.stylize("green", start, min(end, SHOWN_CHARACTERS))
    return shown


if __name__ == "__main__":
    sys.exit(main())

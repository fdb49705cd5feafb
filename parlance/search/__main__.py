"""Prints what a search finds as a table: `python -m parlance.search URI QUERY`."""

import argparse
import datetime as dt
from collections.abc import Sequence
from typing import get_args

import polars as pl

from parlance.errors import ParlanceError
from parlance.search import MAX_K, Mode, Where, search

SHOWN = 160  # characters of a chunk


def main(arguments: Sequence[str] | None = None) -> None:
    """Searches and prints."""
    parser = argparse.ArgumentParser(prog="python -m parlance.search", description="Search the chunks of a corpus.")
    parser.add_argument("uri", help="the folder or s3:// prefix of the vector store")
    parser.add_argument("query")
    parser.add_argument("--mode", choices=get_args(Mode), default="vector", help="by meaning, by words, or by both")
    parser.add_argument("--k", type=int, default=10, help=f"number of chunks, 1 to {MAX_K} (default 10)")
    parser.add_argument("--source", help="only chunks of this source")
    parser.add_argument("--language", help="only this language, as in `kept`")
    parser.add_argument("--channel", help="only this channel")
    parser.add_argument("--since", type=dt.date.fromisoformat, help="first day, YYYY-MM-DD")
    parser.add_argument("--until", type=dt.date.fromisoformat, help="last day, YYYY-MM-DD")
    parser.add_argument("--speech-act", help="only chunks in which something does this, such as question")
    options = parser.parse_args(arguments)
    names = ("source", "language", "channel", "since", "until", "speech_act")
    try:
        where = Where(**{name: getattr(options, name) for name in names})
        found = search(options.uri, options.query, k=options.k, where=where, mode=options.mode)
    except ParlanceError as error:
        raise SystemExit(f"{parser.prog}: {error}") from error
    shown = found.select(
        "rank",
        "score",
        "document_id",
        "source",
        pl.col("speech_acts").list.join(", "),
        pl.col("text").str.replace_all(r"\s+", " ").str.slice(0, SHOWN),
    )
    with pl.Config(tbl_rows=-1, tbl_cols=-1, tbl_width_chars=160, fmt_str_lengths=SHOWN, float_precision=3):
        pl.Config.set_tbl_hide_column_data_types(True).set_tbl_hide_dataframe_shape(True)
        print(shown)


if __name__ == "__main__":
    main()

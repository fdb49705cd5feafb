"""RedPajama-Data-v2: documents, and what was measured of them, in trees of files with the same names.

    documents/2023-06/0000/en_head.json.gz                 {"url", "date_download", "digest", "length", "nlines",
        "source_domain", "title", "raw_content", "cc_segment", "original_nlines", "original_length", "language",
        "language_score", "perplexity", "bucket"}
    quality_signals/2023-06/0000/en_head.signals.json.gz   {"id": "2023-06/0000/en_head.json.gz/0", "id_int",
        "metadata": {...}, "quality_signals": {"rps_doc_word_count": [[0, 5423, 934.0]], ...}}
    duplicates/..., minhash/...                            Parquet, by `doc_id`

https://huggingface.co/datasets/togethercomputer/RedPajama-Data-V2. A document's id is its file and line. Where the
signals of a file of documents lie in their place beside it, they join its payloads as `quality_signals`.
"""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from parlance.sources import files
from parlance.sources.formats import Format, Head
from parlance.sources.formats.plain_text import Lost, lines, uncompressed
from parlance.sources.json_rows import line_rows
from parlance.sources.rows import Row, raw_row

DOCUMENT = {"raw_content", "digest", "cc_segment"}


def recognise(head: Head) -> int:
    found = set(head.record or {})
    return 100 if found >= DOCUMENT or {"id", "quality_signals", "metadata"} <= found else 0


def rows(file: files.File, *, partition: str, source: str = "dump") -> Iterator[Row]:
    """The documents of one file; a file of signals is one row that is refused."""
    here: Row = {"source": source, "shard": file.name, "partition": partition}
    if ".signals.json" in file.name:
        error = "refused: quality signals, which join the documents of their file"
        id = f"{source}:{partition}/{file.name}#signals"
        yield raw_row(id, position=0, media_type="application/json", error=error, **here)
        return
    signals = _signals(file)
    for row in line_rows(file, partition=partition, source=source):
        if row["error"] is None:
            row["id"] = row["document_id"] = f"{source}:{partition}/{file.name}/{row['position']}"
            found = next(signals, None)
            if found is not None and str(found.get("id")).endswith(f"/{row['position']}"):
                record = json.loads(row["payload"]) | {"quality_signals": found["quality_signals"]}
                row["payload"] = json.dumps(record, ensure_ascii=True).encode()
        else:
            next(signals, None)
        yield row


def _signals(file: files.File) -> Iterator[dict[str, Any]]:
    """The signals of a file of documents, line by line; none where they are not beside it."""
    path = file.path.replace("documents/", "quality_signals/").replace(".json", ".signals.json")
    if path == file.path or not file.filesystem.exists(path):
        return
    with uncompressed(replace(file, path=path)) as stream:
        for line in lines(stream):
            try:
                record = None if isinstance(line, Lost) else json.loads(line)
            except (ValueError, RecursionError):
                record = None
            yield record if isinstance(record, dict) and "quality_signals" in record else {}


FORMAT = Format(name="redpajama_v2", suffixes=(), recognise=recognise, rows=rows)

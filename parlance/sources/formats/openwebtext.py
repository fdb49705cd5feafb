"""OpenWebText (2019): `openwebtext.tar.xz`, a tar of `openwebtext/urlsf_subset00-1_data.xz`, each a tar of text files.

    openwebtext.tar.xz > openwebtext/urlsf_subset00-1_data.xz > 0000001-9c0a... .txt

https://skylion007.github.io/OpenWebTextCorpus. A document's key is the name of its text file. The inner tars are also
taken by themselves.
"""

import tarfile
from collections.abc import Iterator
from typing import BinaryIO, cast

from parlance import extraction
from parlance.sources import files
from parlance.sources.compression import DamageError
from parlance.sources.formats import Format, Head
from parlance.sources.formats.plain_text import buffered, error_row, identity, pieces, place
from parlance.sources.rows import Row, raw_row, well_formed

SUFFIXES = (".tar.xz", "_data.xz")
DOCUMENT_BYTES = 64 * 1024 * 1024
BROKEN = (tarfile.TarError, DamageError, EOFError, OSError, ValueError)  # the last: numbers of a header


def recognise(head: Head) -> int:
    is_tar = head.start[257:262] == b"ustar"
    is_named = head.name.lower().endswith(SUFFIXES)
    return 100 if is_tar and is_named else 60 if is_named else 0


def rows(file: files.File, *, partition: str, source: str = "dump") -> Iterator[Row]:
    """One raw row a text file; `position` counts them. Damage ends the tar that it is in."""
    here = place(file, partition=partition, source=source)
    with files.opened(file) as stream:
        for position, found in enumerate(_texts(stream, "")):
            if isinstance(found, str):
                yield error_row(found, here, position=position)
            else:
                name, data = found
                text = extraction.decode(data).strip()
                payload = well_formed(text).encode()
                id = identity(here, name)
                yield raw_row(id, position=position, media_type="text/plain", payload=payload, **here)


def _texts(stream: BinaryIO, outer: str) -> Iterator[tuple[str, bytes] | str]:
    """Name and bytes of each text, or what is wrong; a tar in the tar is read on the way."""
    try:
        # Not by tarfile itself: it takes the early end of a compressed stream for the end of the tar.
        with tarfile.open(fileobj=buffered(pieces(stream)), mode="r|") as archive:
            for member in archive:
                opened = archive.extractfile(member) if member.isfile() else None
                name = f"{outer}{member.name.rsplit('/', 1)[-1]}"
                if opened is None:
                    continue
                if member.name.endswith(".xz") and not outer:
                    yield from _texts(cast(BinaryIO, opened), f"{name.removesuffix('.xz')}/")
                elif member.size > DOCUMENT_BYTES:
                    yield f"{name} has {member.size} bytes; allowed: {DOCUMENT_BYTES}"
                else:
                    yield name, opened.read()
    except BROKEN as error:
        yield f"damaged: {outer or 'the tar'}: {error}"


FORMAT = Format(name="openwebtext", suffixes=SUFFIXES, recognise=recognise, rows=rows)

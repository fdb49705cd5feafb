"""The inbox of dumps: a partition for each file, manifest or folder in it."""

import dagster as dg

from assets.lanes import Lane
from orchestration.settings import dumps_folder
from resources.sources import Dumps

MODULES = (
    "sources.dumps",
    "sources.formats",
    "sources.rows",
    "sources.warc",
    "sources.web_documents",
    "extraction",
    "extraction_choice",
    "extraction_metadata",
)


def lane() -> Lane:
    source = Dumps(folder=dumps_folder())
    return Lane(
        name="dump",
        title="the dumps folder",
        partitions=dg.DynamicPartitionsDefinition(name="dumps"),
        recipe="web",
        modules=MODULES,
        kinds=frozenset({"file"}),
        source=source,
        inputs=lambda: list(source.names()),
        setting="PARLANCE_DUMPS",
    )

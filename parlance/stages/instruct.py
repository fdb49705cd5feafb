"""From kept threads to question-and-answer examples."""

from parlance import instruct, schemas
from parlance.lake import Lake
from parlance.storage import Written, record_batches


def write_examples(lake: Lake, lane: str) -> tuple[Written, Written]:
    """Examples of every kept thread of `lane`; `passed_over` lists the threads that gave none, with the reason."""
    threads = lake.table(f"{lane}/kept").scan().collect()
    utterances = lake.table(f"{lane}/utterances").scan().collect()
    examples = instruct.build(threads, utterances)
    passed_over = instruct.reasons(threads, utterances).rename({"id": "document_id"}, strict=False)
    written = lake.table("instruct/examples").replace(record_batches(examples, schemas.EXAMPLES))
    return written, lake.table("instruct/passed_over").replace(record_batches(passed_over, schemas.PASSED_OVER))

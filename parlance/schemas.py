"""The Arrow schema of every table in the lake, checked on write.

Delta Lake has no unsigned integers: hashes and bands are stored as signed 64-bit values or binary.
Times are UTC. Offsets are code points, half-open, into `text` of the same document.
"""

import pyarrow as pa

from parlance.errors import SchemaError

TIME = pa.timestamp("us", tz="UTC")

TURN = pa.struct(
    [
        pa.field("message_id", pa.string(), nullable=False),
        pa.field("author", pa.string()),
        pa.field("is_bot", pa.bool_(), nullable=False),
        pa.field("created_at", TIME),
        pa.field("start", pa.int32(), nullable=False),
        pa.field("end", pa.int32(), nullable=False),
    ]
)

ASKED = pa.struct([pa.field("form", pa.string(), nullable=False), pa.field("function", pa.string())])

PII_SPAN = pa.struct(
    [
        pa.field("start", pa.int32(), nullable=False),
        pa.field("end", pa.int32(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),
    ]
)

# One row for each thing the source sent: a Slack message, a WARC record, a line of a dump. `payload` is
# what the source sent; `error` says why it could not be read and is null where it could.
# `document_id` and `document_partition` name the document that the row belongs to: a reply
# belongs to its thread's root, whose day may be an earlier one. `rights` names the statement under which it was taken.
RAW = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("shard", pa.string(), nullable=False),
        pa.field("position", pa.int64(), nullable=False),
        pa.field("media_type", pa.string(), nullable=False),
        pa.field("url", pa.string()),
        pa.field("created_at", TIME),
        pa.field("document_id", pa.string(), nullable=False),
        pa.field("document_partition", pa.string(), nullable=False),
        pa.field("payload", pa.large_binary()),
        pa.field("error", pa.string()),
        pa.field("rights", pa.string()),
        pa.field("partition", pa.string(), nullable=False),
    ]
)

# Every field of a Slack message that Slack documents; structures that Slack leaves open are JSON. `channel_kind` is
# public, private, im or mpim. `first_seen`, `last_seen` and `deleted_at` are null where an export is all there is.
SLACK_MESSAGES = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("team", pa.string(), nullable=False),
        pa.field("channel", pa.string()),
        pa.field("channel_name", pa.string()),
        pa.field("channel_kind", pa.string(), nullable=False),
        pa.field("channel_is_archived", pa.bool_(), nullable=False),
        pa.field("channel_is_member", pa.bool_(), nullable=False),
        pa.field("channel_is_ext_shared", pa.bool_(), nullable=False),
        pa.field("channel_created", TIME),
        pa.field("channel_topic", pa.string()),
        pa.field("channel_purpose", pa.string()),
        pa.field("ts", pa.string(), nullable=False),
        pa.field("thread_ts", pa.string()),
        pa.field("parent_user_id", pa.string()),
        pa.field("user", pa.string()),
        pa.field("user_display_name", pa.string()),
        pa.field("user_real_name", pa.string()),
        pa.field("user_is_bot", pa.bool_(), nullable=False),
        pa.field("user_is_deleted", pa.bool_(), nullable=False),
        pa.field("user_is_restricted", pa.bool_(), nullable=False),
        pa.field("user_tz", pa.string()),
        pa.field("bot_id", pa.string()),
        pa.field("app_id", pa.string()),
        pa.field("username", pa.string()),
        pa.field("type", pa.string()),
        pa.field("subtype", pa.string()),
        pa.field("text", pa.large_string()),
        pa.field("blocks", pa.large_string()),
        pa.field("attachments", pa.large_string()),
        pa.field(
            "files",
            pa.list_(
                pa.struct(
                    [
                        pa.field("id", pa.string()),
                        pa.field("name", pa.string()),
                        pa.field("mimetype", pa.string()),
                        pa.field("size", pa.int64()),
                        pa.field("mode", pa.string()),
                        pa.field("url_private", pa.string()),
                        pa.field("permalink", pa.string()),
                    ]
                )
            ),
            nullable=False,
        ),
        pa.field(
            "reactions",
            pa.list_(
                pa.struct(
                    [
                        pa.field("name", pa.string()),
                        pa.field("users", pa.list_(pa.string())),
                        pa.field("count", pa.int64()),
                    ]
                )
            ),
            nullable=False,
        ),
        pa.field("edited_user", pa.string()),
        pa.field("edited_ts", pa.string()),
        pa.field("reply_count", pa.int64()),
        pa.field("reply_users", pa.list_(pa.string()), nullable=False),
        pa.field("reply_users_count", pa.int64()),
        pa.field("latest_reply", pa.string()),
        pa.field("replies", pa.large_string()),
        pa.field("root", pa.large_string()),
        pa.field("metadata", pa.large_string()),
        pa.field("client_msg_id", pa.string()),
        pa.field("first_seen", TIME),
        pa.field("last_seen", TIME),
        pa.field("deleted_at", TIME),
        pa.field("versions", pa.int64(), nullable=False),
        pa.field("created_at", TIME),
        pa.field("rights", pa.string()),
        pa.field("partition", pa.string(), nullable=False),
    ]
)

# What a web page states of itself; `published` and `language` as it writes them.
STATED = ("canonical_url", "site", "published", "language", "licence")
PAGE = pa.struct([pa.field(name, pa.string()) for name in STATED])

DOCUMENTS = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("text", pa.large_string(), nullable=False),
        pa.field("title", pa.string()),
        pa.field("url", pa.string()),
        pa.field("channel", pa.string()),
        pa.field("author", pa.string()),
        pa.field("created_at", TIME),
        pa.field("turns", pa.list_(TURN)),
        pa.field("page", PAGE),
        pa.field("raw_ids", pa.list_(pa.string()), nullable=False),
        pa.field("partition", pa.string(), nullable=False),
    ]
)

# The drop ledger: one row for each row that a step did not pass on. `reason` is the first broken rule as
# text (`mean_word_length<3.0`), `rule`, `value`, `bound` and `version` belong to it, `reasons` are all of them;
# `detail` is what else explains it, such as the id of the document that this one duplicates. `excerpt` is the beginning
# of the row's own text, personal data and secrets masked; empty where there is none, or it was refused or deleted.
LEDGER = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("step", pa.string(), nullable=False),
        pa.field("reason", pa.string(), nullable=False),
        pa.field("rule", pa.string(), nullable=False),
        pa.field("value", pa.float64()),
        pa.field("bound", pa.float64()),
        pa.field("version", pa.int32(), nullable=False),
        pa.field("reasons", pa.list_(pa.string()), nullable=False),
        pa.field("detail", pa.string()),
        pa.field("excerpt", pa.string(), nullable=False),
        pa.field("partition", pa.string(), nullable=False),
    ]
)

# Every rule adds one float64 column of its own name: see `signals_schema`.
SIGNALS = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("created_at", TIME),
        pa.field("characters", pa.int64(), nullable=False),
        pa.field("words", pa.int64(), nullable=False),
        pa.field("language", pa.string()),
        pa.field("language_score", pa.float64()),
        pa.field("blocked_host", pa.float64()),
        pa.field("blocked_words", pa.int64()),
        pa.field("contamination", pa.float64()),
        pa.field("contaminated_by", pa.string()),
        pa.field("quality", pa.float64()),
        pa.field("content_hash", pa.string(), nullable=False),
        pa.field("signature", pa.binary()),
        pa.field("bands", pa.list_(pa.int64())),
        pa.field("pii", pa.list_(PII_SPAN), nullable=False),
        pa.field("partition", pa.string(), nullable=False),
    ]
)

# Kept documents carry masked text, without the repeated lines that were to be removed (`removed_lines`, and their
# `removed_characters` before masking), with their turns' offsets moved along.
KEPT = pa.schema(
    [
        *DOCUMENTS.remove(DOCUMENTS.get_field_index("partition")),
        pa.field("language", pa.string()),
        pa.field("masked", pa.int32(), nullable=False),
        pa.field("removed_lines", pa.int32(), nullable=False),
        pa.field("removed_characters", pa.int32(), nullable=False),
        pa.field("partition", pa.string(), nullable=False),
    ]
)

# Members of clusters of two or more; a document without a duplicate has no row. `threshold` is null where the kind
# `exact` needs none.
DUPLICATES = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("cluster", pa.string(), nullable=False),
        pa.field("keep", pa.bool_(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),
        pa.field("matched_id", pa.string()),
        pa.field("jaccard", pa.float64()),
        pa.field("threshold", pa.float64()),
        pa.field("document_partition", pa.string(), nullable=False),
    ]
)

# Every document that was compared with all others: `group` is an equal number for those that belong together, and
# `fingerprint` tells whether its sketch is another than it was. `method` names how they were compared.
DUPLICATE_INDEX = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("document_partition", pa.string(), nullable=False),
        pa.field("content_hash", pa.string(), nullable=False),
        pa.field("fingerprint", pa.int64(), nullable=False),
        pa.field("group", pa.int64(), nullable=False),
        pa.field("method", pa.string(), nullable=False),
    ]
)

# Lines or paragraphs (`unit`) that stand in many documents of one site; `kept` is without those with `remove`.
REPEATED_LINES = pa.schema(
    [
        pa.field("hash", pa.int64(), nullable=False),
        pa.field("unit", pa.string(), nullable=False),
        pa.field("site", pa.string(), nullable=False),
        pa.field("documents", pa.int64(), nullable=False),
        pa.field("documents_everywhere", pa.int64(), nullable=False),
        pa.field("sites", pa.int64(), nullable=False),
        pa.field("example_id", pa.string(), nullable=False),
        pa.field("excerpt", pa.string(), nullable=False),
        pa.field("remove", pa.bool_(), nullable=False),
    ]
)

# Members of clusters of two or more kept documents of like meaning, as in DUPLICATES; `cosine` against the survivor.
SEMANTIC_DUPLICATES = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("cluster", pa.string(), nullable=False),
        pa.field("keep", pa.bool_(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),
        pa.field("matched_id", pa.string()),
        pa.field("cosine", pa.float64()),
        pa.field("document_partition", pa.string(), nullable=False),
    ]
)

# Documents that two recipes put on different sides; `one` and `other` are the first reasons, null where kept.
COMPARISON = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("one", pa.string()),
        pa.field("other", pa.string()),
        pa.field("excerpt", pa.string(), nullable=False),
        pa.field("document_partition", pa.string(), nullable=False),
    ]
)

# Scores are probabilities. `function_alone` is the function that the text would have without what stands before it;
# `abstained` marks those whose labels are too unsure to be used, though they are the likeliest.
UTTERANCES = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("document_id", pa.string(), nullable=False),
        pa.field("message_id", pa.string()),
        pa.field("author", pa.string()),
        pa.field("is_bot", pa.bool_(), nullable=False),
        pa.field("turn", pa.int32(), nullable=False),
        pa.field("start", pa.int32(), nullable=False),
        pa.field("end", pa.int32(), nullable=False),
        pa.field("text", pa.large_string(), nullable=False),
        pa.field("form", pa.string(), nullable=False),
        pa.field("form_score", pa.float32(), nullable=False),
        pa.field("function", pa.string(), nullable=False),
        pa.field("function_score", pa.float32(), nullable=False),
        pa.field("function_alone", pa.string(), nullable=False),
        pa.field("abstained", pa.bool_(), nullable=False),
        pa.field("partition", pa.string(), nullable=False),
    ]
)

# Chunks on a plane; `speech_act` is the function of most of the chunk, none where nothing else is there.
MAP = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("document_id", pa.string(), nullable=False),
        pa.field("speech_act", pa.string(), nullable=False),
        pa.field("x", pa.float32(), nullable=False),
        pa.field("y", pa.float32(), nullable=False),
    ]
)

# `id` is of the model's name, the text, its document and how often the text stands in it; `model_version` of the files
# that made the vector.
EMBEDDINGS = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("document_id", pa.string(), nullable=False),
        pa.field("start", pa.int32(), nullable=False),
        pa.field("end", pa.int32(), nullable=False),
        pa.field("text", pa.large_string(), nullable=False),
        pa.field("model", pa.string(), nullable=False),
        pa.field("model_version", pa.string(), nullable=False),
        pa.field("vector", pa.list_(pa.float32()), nullable=False),
        pa.field("partition", pa.string(), nullable=False),
    ]
)

# How often each pre-token occurs in the kept documents of a language; `cut` says by what pattern and after what
# normalisation. A pre-token may have several rows of one language: their counts add up.
PRETOKENS = pa.schema(
    [
        pa.field("pretoken", pa.large_string(), nullable=False),
        pa.field("language", pa.string(), nullable=False),
        pa.field("count", pa.int64(), nullable=False),
        pa.field("cut", pa.string(), nullable=False),
        pa.field("partition", pa.string(), nullable=False),
    ]
)

# What is counted of each partition, so that its silent failures can be told from its history without reading it
# again, as `parlance/monitoring/vitals.py` says. `name` is empty where a measure is one number.
VITALS = pa.schema(
    [
        pa.field("measure", pa.string(), nullable=False),
        pa.field("name", pa.string(), nullable=False),
        pa.field("count", pa.int64(), nullable=False),
        pa.field("partition", pa.string(), nullable=False),
    ]
)

# How far a partition is from its reference: `window` are the partitions before it, `training` is what models learned
# from. `expected` is what sampling and the days' own spread give where nothing changed, above `bound` it drifted, above
# `gross_bound` grossly; null where there is too little history. `size` and `reference_size` are in what is counted.
DRIFT = pa.schema(
    [
        pa.field("lane", pa.string(), nullable=False),
        pa.field("lane_partition", pa.string(), nullable=False),
        pa.field("reference", pa.string(), nullable=False),
        pa.field("measure", pa.string(), nullable=False),
        pa.field("statistic", pa.string(), nullable=False),
        pa.field("value", pa.float64(), nullable=False),
        pa.field("sampling", pa.float64(), nullable=False),
        pa.field("expected", pa.float64()),
        pa.field("bound", pa.float64()),
        pa.field("gross_bound", pa.float64()),
        pa.field("size", pa.int64(), nullable=False),
        pa.field("reference_size", pa.int64(), nullable=False),
        pa.field("verdict", pa.string(), nullable=False),
        pa.field("detail", pa.string(), nullable=False),
    ]
)

# The speech acts of each version of a message, from `valid_from` (when it was said, or edited to this) until the next.
# They are those that its utterances have by themselves, since what a conversation says later must not be known before.
ACT_VERSIONS = pa.schema(
    [
        pa.field("message_id", pa.string(), nullable=False),
        pa.field("valid_from", TIME, nullable=False),
        pa.field("acts", pa.list_(pa.string()), nullable=False),
        pa.field("partition", pa.string(), nullable=False),
    ]
)

# What was known of a thread at `event_timestamp`, the end of the day: see `parlance/features/threads.py`.
THREAD_FEATURES = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("event_timestamp", TIME, nullable=False),
        pa.field("turns", pa.int64(), nullable=False),
        pa.field("participants", pa.int64(), nullable=False),
        pa.field("minutes_since_last", pa.float64()),
        pa.field("questions", pa.int64(), nullable=False),
        pa.field("questions_open", pa.int64(), nullable=False),
        pa.field("last_act", pa.string()),
        pa.field("partition", pa.string(), nullable=False),
    ]
)

# What was known of an author then; shares are of the acts of 30 days, null where there are none.
AUTHOR_FEATURES = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("event_timestamp", TIME, nullable=False),
        pa.field("messages_7d", pa.int64(), nullable=False),
        pa.field("messages_30d", pa.int64(), nullable=False),
        pa.field("share_expressive", pa.float64()),
        pa.field("share_commissive", pa.float64()),
        pa.field("share_directive", pa.float64()),
        pa.field("share_declaration", pa.float64()),
        pa.field("share_verdictive", pa.float64()),
        pa.field("share_question", pa.float64()),
        pa.field("share_representative", pa.float64()),
        pa.field("share_none", pa.float64()),
        pa.field("answers_accepted", pa.int64(), nullable=False),
        pa.field("partition", pa.string(), nullable=False),
    ]
)

# `asks` are the acts of the utterances that ask or request, the function null where the form alone is sure; `answers`
# are the functions in the answer; `thanked`: the asker thanks after an answer; `promise` is kept where another person
# committed to something and reported later, open where they did not, null where nobody committed; `unsure` counts the
# utterances that the classifier abstained from, which are evidence of nothing. `messages` are the example as such: a
# system message or none, then user and assistant in turns, the assistant last; instruction, input and output are their
# view for layouts of three texts. `kind` says what it was made from, `quality_reasons` what lowered `quality`,
# `alternatives` are other answers, the best first; `cluster` names its near duplicates.
MESSAGE = pa.struct(
    [pa.field("role", pa.string(), nullable=False), pa.field("content", pa.large_string(), nullable=False)]
)
ALTERNATIVE = pa.struct(
    [
        pa.field("message_ids", pa.list_(pa.string()), nullable=False),
        pa.field("text", pa.large_string(), nullable=False),
        pa.field("score", pa.float32(), nullable=False),
    ]
)
EXAMPLES = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("document_id", pa.string(), nullable=False),
        pa.field("split", pa.string(), nullable=False),
        pa.field("instruction", pa.large_string(), nullable=False),
        pa.field("input", pa.large_string(), nullable=False),
        pa.field("output", pa.large_string(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),
        pa.field("messages", pa.list_(MESSAGE), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("quality", pa.float32(), nullable=False),
        pa.field("quality_reasons", pa.list_(pa.string()), nullable=False),
        pa.field("alternatives", pa.list_(ALTERNATIVE), nullable=False),
        pa.field("cluster", pa.string()),
        pa.field("asks", pa.list_(ASKED), nullable=False),
        pa.field("answers", pa.list_(pa.string()), nullable=False),
        pa.field("thanked", pa.bool_(), nullable=False),
        pa.field("promise", pa.string()),
        pa.field("unsure", pa.int32(), nullable=False),
        pa.field("raw_ids", pa.list_(pa.string()), nullable=False),
        pa.field("channel", pa.string()),
        pa.field("language", pa.string()),
        pa.field("created_at", TIME),
    ]
)

# Generated examples, for ever marked: the columns of EXAMPLES, then what they were made by and of. `seed_ids` are the
# examples of split train that the model was shown, `raw_ids` what those are from; `operations` are the rewritings of
# evol-instruct in their order; `requests` name the answers of the model in its cache. Nothing says how good they are:
# `quality` is null.
SYNTHETIC = pa.schema(
    [
        *(column.with_nullable(True) if column.name == "quality" else column for column in EXAMPLES),
        pa.field("method", pa.string(), nullable=False),
        pa.field("operations", pa.list_(pa.string()), nullable=False),
        pa.field("model", pa.string(), nullable=False),
        pa.field("prompt_version", pa.string(), nullable=False),
        pa.field("seed_ids", pa.list_(pa.string()), nullable=False),
        pa.field("requests", pa.list_(pa.string()), nullable=False),
    ]
)

# Generated candidates that became no example, and why; with SYNTHETIC they are all that was asked for. `detail` is what
# explains the reason, such as the id of the example that was copied.
SYNTHETIC_REJECTED = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("method", pa.string(), nullable=False),
        pa.field("operations", pa.list_(pa.string()), nullable=False),
        pa.field("reason", pa.string(), nullable=False),
        pa.field("detail", pa.string()),
        pa.field("instruction", pa.large_string(), nullable=False),
        pa.field("output", pa.large_string(), nullable=False),
        pa.field("model", pa.string(), nullable=False),
        pa.field("prompt_version", pa.string(), nullable=False),
        pa.field("seed_ids", pa.list_(pa.string()), nullable=False),
    ]
)

# The length of each example as a chat of one tokenizer; `response_tokens` are those with loss. What is cut where a
# trainer keeps the first `length` tokens stands in `cut_tokens` and `cut_response_tokens`.
TOKEN_COUNTS = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("split", pa.string(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),
        pa.field("tokenizer", pa.string(), nullable=False),
        pa.field("turns", pa.int32(), nullable=False),
        pa.field("tokens", pa.int32(), nullable=False),
        pa.field("response_tokens", pa.int32(), nullable=False),
        pa.field("length", pa.int32(), nullable=False),
        pa.field("cut_tokens", pa.int32(), nullable=False),
        pa.field("cut_response_tokens", pa.int32(), nullable=False),
    ]
)

# What became no example, and why, as in LEDGER: a document that gives none (`example_id` and `kind` are null), or an
# example that was made and refused. One row of each kept document without an example has `whole`: with the documents of
# EXAMPLES these are all kept documents, each once.
PASSED_OVER = pa.schema(
    [
        pa.field("document_id", pa.string(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("example_id", pa.string()),
        pa.field("kind", pa.string()),
        pa.field("reason", pa.string(), nullable=False),
        pa.field("rule", pa.string(), nullable=False),
        pa.field("value", pa.float64()),
        pa.field("bound", pa.float64()),
        pa.field("version", pa.int32(), nullable=False),
        pa.field("detail", pa.string()),
        pa.field("excerpt", pa.string(), nullable=False),
        pa.field("whole", pa.bool_(), nullable=False),
    ]
)

# What came of asking a model, one row for each time that a request had an outcome; `id` says all that an answer depends
# on, `sampling` is JSON. `text` is null and `error` says why where `status` is failed and not drafted. `asked` counts
# the tries until an answer was of its JSON schema, all after the first drawn. `cost` has the currency of its prices.
# `partition` stands for the model.
_ASKED_MODEL = [
    pa.field("status", pa.string(), nullable=False),
    pa.field("error", pa.large_string()),
    pa.field("model", pa.string(), nullable=False),
    pa.field("prompt_version", pa.string(), nullable=False),
    pa.field("schema_version", pa.string()),
    pa.field("sampling", pa.string(), nullable=False),
    pa.field("writer", pa.string(), nullable=False),
    pa.field("finish", pa.string(), nullable=False),
    pa.field("prompt_tokens", pa.int32(), nullable=False),
    pa.field("answer_tokens", pa.int32(), nullable=False),
    pa.field("prompt_was_cut", pa.bool_(), nullable=False),
    pa.field("asked", pa.int32(), nullable=False),
    pa.field("seconds", pa.float64(), nullable=False),
    pa.field("cost", pa.float64(), nullable=False),
    pa.field("answered_at", TIME, nullable=False),
]
ANSWERS = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("text", pa.large_string()),
        *_ASKED_MODEL,
        pa.field("partition", pa.string(), nullable=False),
    ]
)

# One row for each question that nobody answered; `draft` is null where `status` is failed. `request_id` is the id in
# ANSWERS, `attempts` how often it was tried in all runs; two messages that ask the same have one answer.
PREDICTIONS = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("request_id", pa.string(), nullable=False),
        pa.field("document_id", pa.string(), nullable=False),
        pa.field("message_id", pa.string(), nullable=False),
        pa.field("channel", pa.string()),
        pa.field("question", pa.large_string(), nullable=False),
        pa.field("draft", pa.large_string()),
        *_ASKED_MODEL,
        pa.field("attempts", pa.int32(), nullable=False),
        pa.field("partition", pa.string(), nullable=False),
    ]
)

# Which model was in use since when: one row for each change, numbered from 1. `action` is promoted, chosen (by hand,
# whatever its evaluation said) or rolled_back; `previous` is null for the first model, `evaluation` where none decided.
PROMOTIONS = pa.schema(
    [
        pa.field("number", pa.int32(), nullable=False),
        pa.field("at", TIME, nullable=False),
        pa.field("action", pa.string(), nullable=False),
        pa.field("name", pa.string(), nullable=False),
        pa.field("model", pa.string(), nullable=False),
        pa.field("previous", pa.string()),
        pa.field("registry_version", pa.string(), nullable=False),
        pa.field("promoted_by", pa.string(), nullable=False),
        pa.field("reason", pa.large_string(), nullable=False),
        pa.field("evaluation", pa.string()),
        pa.field("run", pa.string(), nullable=False),
    ]
)

# What happened to drafts on their way into Slack, row by row: `review_intended` before a draft is shown to reviewers
# and `in_review` after, `intended` before it is posted and `posted` after, or `withheld` and `rejected` with a reason.
# Each stands for the question `message_id`. `channel` and `ts` are those of the message in Slack, `person` decided.
POSTED_DRAFTS = pa.schema(
    [
        pa.field("message_id", pa.string(), nullable=False),
        pa.field("draft_id", pa.string(), nullable=False),
        pa.field("step", pa.string(), nullable=False),
        pa.field("at", TIME, nullable=False),
        pa.field("run", pa.string(), nullable=False),
        pa.field("channel", pa.string()),
        pa.field("ts", pa.string()),
        pa.field("person", pa.string()),
        pa.field("reason", pa.string()),
        pa.field("text", pa.large_string()),
    ]
)

# Labelled utterances in their conversations, by `position`. Those without labels are there for what they say to the
# next. `medium` is chat, web or talk.
LABELLED = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("conversation", pa.string(), nullable=False),
        pa.field("position", pa.int32(), nullable=False),
        pa.field("author", pa.string()),
        pa.field("text", pa.string(), nullable=False),
        pa.field("form", pa.string()),
        pa.field("function", pa.string()),
        pa.field("lang", pa.string(), nullable=False),
        pa.field("medium", pa.string(), nullable=False),
    ]
)

# Every utterance with what the labelling functions that vote on it (`votes`, by name) make of it; a label and its
# probability are null where none votes. `conflict`: they vote for several functions.
WEAK_LABELS = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("form", pa.string()),
        pa.field("form_probability", pa.float32()),
        pa.field("function", pa.string()),
        pa.field("function_probability", pa.float32()),
        pa.field("conflict", pa.bool_(), nullable=False),
        pa.field("votes", pa.list_(pa.string()), nullable=False),
        pa.field("utterance_partition", pa.string(), nullable=False),
    ]
)

# A corpus beside a task profile, by target (form or function) and act. Shares of utterances; low and high bound what
# 95 of 100 draws of documents give. `corrected` takes the classifier's confusion into account; null: it is unknown.
# `inside`: the corrected share, else the found one, is within the tolerance; `sure`: so is its interval, or none of it.
PROFILE_ACTS = pa.schema(
    [
        pa.field("profile", pa.string(), nullable=False),
        pa.field("target", pa.string(), nullable=False),
        pa.field("act", pa.string(), nullable=False),
        pa.field("wanted", pa.float64(), nullable=False),
        pa.field("tolerance", pa.float64(), nullable=False),
        pa.field("found", pa.float64(), nullable=False),
        pa.field("found_low", pa.float64(), nullable=False),
        pa.field("found_high", pa.float64(), nullable=False),
        pa.field("corrected", pa.float64()),
        pa.field("corrected_low", pa.float64()),
        pa.field("corrected_high", pa.float64()),
        pa.field("inside", pa.bool_(), nullable=False),
        pa.field("sure", pa.bool_(), nullable=False),
    ]
)

# Whether a corpus matches a profile in form or in function: Jensen-Shannon divergence in bits, and the acts that are
# `outside` of their tolerance.
PROFILE_FITS = pa.schema(
    [
        pa.field("profile", pa.string(), nullable=False),
        pa.field("target", pa.string(), nullable=False),
        pa.field("documents", pa.int64(), nullable=False),
        pa.field("utterances", pa.int64(), nullable=False),
        pa.field("least_utterances", pa.int64(), nullable=False),
        pa.field("most_divergence", pa.float64(), nullable=False),
        pa.field("divergence", pa.float64(), nullable=False),
        pa.field("divergence_low", pa.float64(), nullable=False),
        pa.field("divergence_high", pa.float64(), nullable=False),
        pa.field("corrected_divergence", pa.float64()),
        pa.field("corrected_low", pa.float64()),
        pa.field("corrected_high", pa.float64()),
        pa.field("outside", pa.list_(pa.string()), nullable=False),
        pa.field("matches", pa.bool_(), nullable=False),
    ]
)

# What was drawn for a profile. `id` is that of the example, or of the document where documents were drawn.
PROFILE_SAMPLE = pa.schema(
    [
        pa.field("profile", pa.string(), nullable=False),
        pa.field("id", pa.string(), nullable=False),
        pa.field("document_id", pa.string(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("utterances", pa.int64(), nullable=False),
    ]
)

# The drawn sets beside their profiles. `drawn` counts the utterances of an act by their labels, `share` is their part,
# corrected where the confusion is known, and `missing` how many more, or fewer where below zero, the tolerance
# asks for. `largest` is the size at which this act alone would still match, in utterances; null: any.
PROFILE_SHORTFALLS = pa.schema(
    [
        pa.field("profile", pa.string(), nullable=False),
        pa.field("target", pa.string(), nullable=False),
        pa.field("act", pa.string(), nullable=False),
        pa.field("wanted", pa.float64(), nullable=False),
        pa.field("tolerance", pa.float64(), nullable=False),
        pa.field("available", pa.int64(), nullable=False),
        pa.field("drawn", pa.int64(), nullable=False),
        pa.field("share", pa.float64(), nullable=False),
        pa.field("inside", pa.bool_(), nullable=False),
        pa.field("missing", pa.float64(), nullable=False),
        pa.field("largest", pa.float64()),
    ]
)

# Utterances by where and when and by whom, in form and in function. `role` is asker, helper, bot or other; `day` is the
# document's, null where it has none. `context_dependent` are those with another function than they would have alone.
SPEECH_ACTS = pa.schema(
    [
        pa.field("source", pa.string(), nullable=False),
        pa.field("channel", pa.string()),
        pa.field("day", pa.date32()),
        pa.field("role", pa.string(), nullable=False),
        pa.field("form", pa.string(), nullable=False),
        pa.field("function", pa.string(), nullable=False),
        pa.field("utterances", pa.int64(), nullable=False),
        pa.field("context_dependent", pa.int64(), nullable=False),
        pa.field("abstained", pa.int64(), nullable=False),
    ]
)

# How often an utterance of one function is followed by one of another; `step` says by whom.
SPEECH_ACT_TRANSITIONS = pa.schema(
    [
        pa.field("source", pa.string(), nullable=False),
        pa.field("step", pa.string(), nullable=False),
        pa.field("function", pa.string(), nullable=False),
        pa.field("next_function", pa.string(), nullable=False),
        pa.field("pairs", pa.int64(), nullable=False),
    ]
)

# A few utterances of each form and function.
SPEECH_ACT_EXAMPLES = pa.schema(
    [
        pa.field("form", pa.string(), nullable=False),
        pa.field("function", pa.string(), nullable=False),
        pa.field("function_alone", pa.string(), nullable=False),
        pa.field("abstained", pa.bool_(), nullable=False),
        pa.field("id", pa.string(), nullable=False),
        pa.field("document_id", pa.string(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("excerpt", pa.string(), nullable=False),
    ]
)

# What stands before an utterance, in order.
BEFORE = pa.struct([pa.field("author", pa.string()), pa.field("text", pa.large_string(), nullable=False)])

# Utterances given out to be annotated, by batch. `form` and `function` are what the classifier said then. Those with
# `exported` false were drawn at random after they had been given out for another reason: their labels count for both.
# `probability` is that of a random utterance to be in the random sample so far; null for the others.
ANNOTATION_ITEMS = pa.schema(
    [
        pa.field("batch", pa.string(), nullable=False),
        pa.field("number", pa.int32(), nullable=False),
        pa.field("id", pa.string(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("document_id", pa.string(), nullable=False),
        pa.field("start", pa.int32(), nullable=False),
        pa.field("end", pa.int32(), nullable=False),
        pa.field("author", pa.string()),
        pa.field("text", pa.large_string(), nullable=False),
        pa.field("before", pa.list_(BEFORE), nullable=False),
        pa.field("language", pa.string()),
        pa.field("medium", pa.string(), nullable=False),
        pa.field("form", pa.string(), nullable=False),
        pa.field("function", pa.string(), nullable=False),
        pa.field("reason", pa.string(), nullable=False),
        pa.field("exported", pa.bool_(), nullable=False),
        pa.field("shared", pa.bool_(), nullable=False),
        pa.field("annotators", pa.list_(pa.string()), nullable=False),
        pa.field("probability", pa.float64()),
        pa.field("seed", pa.int64(), nullable=False),
        pa.field("guide_version", pa.string(), nullable=False),
    ]
)

# One row for each utterance, annotator and version of the guide: the last that was said.
ANNOTATIONS = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("annotator", pa.string(), nullable=False),
        pa.field("guide_version", pa.string(), nullable=False),
        pa.field("form", pa.string(), nullable=False),
        pa.field("function", pa.string(), nullable=False),
        pa.field("comment", pa.large_string()),
        pa.field("annotated_at", TIME, nullable=False),
        pa.field("tool", pa.string(), nullable=False),
        pa.field("file", pa.string(), nullable=False),
        pa.field("file_hash", pa.string(), nullable=False),
        pa.field("line", pa.int32(), nullable=False),
    ]
)

# Rows of annotation files that became no annotation, and why; only of files that are there.
ANNOTATIONS_REJECTED = pa.schema(
    [
        pa.field("file", pa.string(), nullable=False),
        pa.field("file_hash", pa.string(), nullable=False),
        pa.field("line", pa.int32(), nullable=False),
        pa.field("id", pa.string()),
        pa.field("annotator", pa.string()),
        pa.field("reason", pa.string(), nullable=False),
        pa.field("detail", pa.string()),
    ]
)

# Every content of an annotation file that was ever taken, by its hash; `rows` = `accepted` + `superseded` + `rejected`,
# where a superseded row was followed in the same file by another of the same annotator.
ANNOTATION_FILES = pa.schema(
    [
        pa.field("file_hash", pa.string(), nullable=False),
        pa.field("file", pa.string(), nullable=False),
        pa.field("tool", pa.string(), nullable=False),
        pa.field("first_seen", TIME, nullable=False),
        pa.field("rows", pa.int64(), nullable=False),
        pa.field("accepted", pa.int64(), nullable=False),
        pa.field("superseded", pa.int64(), nullable=False),
        pa.field("rejected", pa.int64(), nullable=False),
    ]
)

# How far annotators agree: `label` is null where all labels count, else it is that label against the rest; `one` and
# `other` are null where all annotators count. `value` is null where chance leaves nothing to agree on.
AGREEMENT = pa.schema(
    [
        pa.field("target", pa.string(), nullable=False),
        pa.field("label", pa.string()),
        pa.field("measure", pa.string(), nullable=False),
        pa.field("one", pa.string()),
        pa.field("other", pa.string()),
        pa.field("value", pa.float64()),
        pa.field("items", pa.int64(), nullable=False),
    ]
)

# Utterances on whose labels people agreed, or an adjudicator decided. `sample` is random or picked; `probability` is
# that of a random one to be in the sample.
GOLD = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("document_id", pa.string(), nullable=False),
        pa.field("author", pa.string()),
        pa.field("text", pa.large_string(), nullable=False),
        pa.field("before", pa.list_(BEFORE), nullable=False),
        pa.field("language", pa.string()),
        pa.field("medium", pa.string(), nullable=False),
        pa.field("form", pa.string(), nullable=False),
        pa.field("function", pa.string(), nullable=False),
        pa.field("annotators", pa.list_(pa.string()), nullable=False),
        pa.field("guide_version", pa.string(), nullable=False),
        pa.field("decided_at", TIME, nullable=False),
        pa.field("sample", pa.string(), nullable=False),
        pa.field("probability", pa.float64()),
        pa.field("adjudicated", pa.bool_(), nullable=False),
    ]
)


def signals_schema(rules: list[str]) -> pa.Schema:
    """`SIGNALS` with one nullable float64 column for each rule, before `partition`."""
    fields = list(SIGNALS)
    return pa.schema([*fields[:-1], *(pa.field(rule, pa.float64()) for rule in sorted(rules)), fields[-1]])


def conform(batch: pa.RecordBatch, schema: pa.Schema, *, table: str) -> pa.RecordBatch:
    """`batch` with the columns of `schema`, in its order and types.

    Raises SchemaError where a column is missing, unknown, of a type that does not cast without
    loss, or null where the schema forbids it.
    """
    missing = [name for name in schema.names if name not in batch.schema.names]
    unknown = [name for name in batch.schema.names if name not in schema.names]
    if missing or unknown:
        raise SchemaError(
            f"table {table!r}: missing columns {missing}, unknown columns {unknown}; known: {schema.names}"
        )
    columns = []
    for field in schema:
        column = batch.column(field.name)
        try:
            columns.append(column.cast(field.type) if column.type != field.type else column)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise SchemaError(
                f"table {table!r}: column {field.name!r} has type {column.type}, needs {field.type}: {error}"
            ) from error
        if not field.nullable and columns[-1].null_count:
            raise SchemaError(
                f"table {table!r}: column {field.name!r} has {columns[-1].null_count} nulls; none allowed"
            )
    return pa.RecordBatch.from_arrays(columns, schema=schema)

"""The chat format that every trained tokenizer carries: its special tokens and its template.

A conversation reads `<|begin|><|system|>...<|end|><|user|>...<|end|><|assistant|>...<|end|>`. What the assistant
says, its `<|end|>` included, stands between `generation` marks, so that
`apply_chat_template(..., return_assistant_tokens_mask=True)` gives the response-only mask to train with.
"""

PAD, BEGIN, END = "<|pad|>", "<|begin|>", "<|end|>"
SPECIAL_TOKENS = (PAD, BEGIN, END, "<|system|>", "<|user|>", "<|assistant|>")

# One line on purpose: every line break in a template is one more token that somebody has to trim.
TEMPLATE = (
    "{{ bos_token }}"
    "{% for message in messages %}"
    "{% if message['role'] == 'assistant' %}"
    "<|assistant|>{% generation %}{{ message['content'] + eos_token }}{% endgeneration %}"
    "{% elif message['role'] in ('system', 'user') %}"
    "{{ '<|' + message['role'] + '|>' + message['content'] + eos_token }}"
    "{% else %}"
    "{{ raise_exception('unknown role ' ~ message['role'] ~ '; known: system, user, assistant') }}"
    "{% endif %}"
    "{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)


def configuration() -> dict[str, object]:
    """What `tokenizer_config.json` holds so that `transformers` loads the folder."""
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "pad_token": PAD,
        "bos_token": BEGIN,
        "eos_token": END,
        "clean_up_tokenization_spaces": False,
        "chat_template": TEMPLATE,
    }

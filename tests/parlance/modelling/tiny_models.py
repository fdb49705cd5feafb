"""What the tests of modelling share: texts, answers, settings of seconds, and a tokenizer trained on them."""

from pathlib import Path

import polars as pl
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from parlance.modelling import FinetuningSettings, PretrainingSettings, Progress

SPECIAL = ["<|pad|>", "<|begin|>", "<|end|>", "<|system|>", "<|user|>", "<|assistant|>"]
TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}{{ '<|' + message['role'] + '|>' }}"
    "{% if message['role'] == 'assistant' %}{% generation %}{{ message['content'] + eos_token }}{% endgeneration %}"
    "{% else %}{{ message['content'] + eos_token }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)
TEXTS = [
    "The probe measures turbidity, and the gateway sends it every hour.",
    "Leave days are booked in the portal; unused days expire in March.",
    "Wie viele Urlaubstage habe ich noch? Du hast noch zwölf Tage.",
    "潮位は毎時更新されます。",
    "Expenses above 50 EUR need a receipt, otherwise they are rejected.",
]
ANSWERS = {
    "How many leave days are left?": "Twelve days until March.",
    "Which receipt is needed?": "One for each expense above 50 EUR.",
    "What does the probe measure?": "Turbidity, every hour.",
    "Wie viele Tage habe ich?": "Noch zwölf Tage!",
}

TINY = PretrainingSettings(
    hidden_size=32,
    layers=1,
    heads=2,
    sequence_length=64,
    max_steps=4,
    batch_size=2,
    logging_steps=2,
    validation_steps=4,
    learning_rate=0.001,
)
TINY_TUNING = FinetuningSettings(
    rank=4,
    alpha=8,
    sequence_length=64,
    max_steps=4,
    batch_size=2,
    logging_steps=2,
    validation_steps=2,
    save_steps=2,
    learning_rate=0.001,
)


def silent(progress: Progress) -> None:
    """Listens to no progress."""


def examples(answers: dict[str, str], *, split: str = "train") -> pl.DataFrame:
    return pl.DataFrame(
        {
            "id": [f"{split}-{number}" for number in range(len(answers))],
            "split": [split] * len(answers),
            "messages": [chat(*pair) for pair in answers.items()],
        },
        schema_overrides={"messages": pl.List(pl.Struct({"role": pl.String, "content": pl.String}))},
    )


def chat(*said: str) -> list[dict[str, str]]:
    """User and assistant in turns."""
    return [{"role": ("user", "assistant")[place % 2], "content": text} for place, text in enumerate(said)]


def refusing(condition: str) -> str:
    """A chat template that refuses chats of `condition`."""
    return f"{{% if {condition} %}}{{{{ raise_exception('refused') }}}}{{% endif %}}{TEMPLATE}"


def save_tokenizer(folder: Path, *, chat_template: str | None = TEMPLATE) -> Path:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=400, special_tokens=SPECIAL, initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator([*TEXTS, *ANSWERS, *ANSWERS.values()], trainer)
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="<|pad|>",
        bos_token="<|begin|>",
        eos_token="<|end|>",
        additional_special_tokens=SPECIAL[3:],
    )
    fast.chat_template = chat_template
    fast.save_pretrained(folder)
    return folder

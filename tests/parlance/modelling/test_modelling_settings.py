"""Settings refuse what cannot work, with the value and what is allowed."""

import json
import subprocess
import sys
from dataclasses import asdict

import pytest

from parlance.errors import ConfigError
from parlance.modelling import FinetuningSettings, GenerationSettings, PretrainingSettings

WRONG = [
    (PretrainingSettings, {"hidden_size": 7}, "hidden_size 7; allowed: whole numbers, at least 8"),
    (PretrainingSettings, {"hidden_size": 36}, "hidden_size 36 .* multiples of 8"),
    (PretrainingSettings, {"layers": 0}, "layers 0"),
    (PretrainingSettings, {"heads": 0}, "heads 0"),
    (PretrainingSettings, {"held_out_share": 0.51}, "held_out_share 0.51; allowed: numbers, 0.0 to 0.5"),
    (PretrainingSettings, {"held_out_share": -0.01}, "held_out_share"),
    (PretrainingSettings, {"sequence_length": 7}, "sequence_length 7; allowed: whole numbers, 8 to 131072"),
    (PretrainingSettings, {"epochs": 0}, "epochs 0"),
    (PretrainingSettings, {"epochs": 1.5}, "epochs 1.5; allowed: whole numbers"),
    (PretrainingSettings, {"epochs": True}, "epochs True"),
    (PretrainingSettings, {"max_steps": 0}, "max_steps 0"),
    (PretrainingSettings, {"batch_size": 0}, "batch_size 0"),
    (PretrainingSettings, {"gradient_accumulation": 0}, "gradient_accumulation 0"),
    (PretrainingSettings, {"learning_rate": 0.0}, "learning_rate 0.0; allowed: numbers, above 0.0 to 1.0"),
    (PretrainingSettings, {"learning_rate": float("nan")}, "learning_rate nan"),
    (PretrainingSettings, {"learning_rate": "1e-3"}, "learning_rate '1e-3'"),
    (PretrainingSettings, {"warmup_share": 1.01}, "warmup_share 1.01"),
    (PretrainingSettings, {"weight_decay": -0.1}, "weight_decay"),
    (PretrainingSettings, {"seed": -1}, "seed -1"),
    (PretrainingSettings, {"seed": 2**32}, "seed 4294967296"),
    (PretrainingSettings, {"save_steps": 0}, "save_steps 0"),
    (PretrainingSettings, {"patience": 0}, "patience 0; allowed: whole numbers, at least 1"),
    (PretrainingSettings, {"max_gradient_norm": 0.0}, "max_gradient_norm 0.0; allowed: numbers, above 0.0 to 1000.0"),
    (PretrainingSettings, {"gradient_checkpointing": 1}, "gradient_checkpointing 1; allowed: true, false"),
    (FinetuningSettings, {"method": "qlora"}, "method 'qlora'; allowed: lora, full, scratch"),
    (FinetuningSettings, {"packing": "yes"}, "packing 'yes'; allowed: true, false"),
    (FinetuningSettings, {"dropout": 0.95}, "dropout 0.95; allowed: numbers, 0.0 to 0.9"),
    (FinetuningSettings, {"rank": 0}, "rank 0; allowed: whole numbers, 1 to 1024"),
    (FinetuningSettings, {"alpha": 0}, "alpha 0"),
    (FinetuningSettings, {"target_modules": []}, r"target_modules \[\]; allowed: a list of at least one"),
    (FinetuningSettings, {"target_modules": "q_proj"}, "target_modules 'q_proj'"),
    (GenerationSettings, {"max_new_tokens": 0}, "max_new_tokens 0"),
    (GenerationSettings, {"top_p": 0.0}, "top_p 0.0; allowed: numbers, above 0.0 to 1.0"),
    (GenerationSettings, {"temperature": -0.1}, "temperature -0.1"),
    (GenerationSettings, {"temperature": float("inf")}, "temperature inf; allowed: numbers, 0.0 to 10.0"),
    (GenerationSettings, {"repetition_penalty": 0.99}, "repetition_penalty 0.99"),
    (GenerationSettings, {"batch_size": 0}, "batch_size 0"),
]
BOUNDS = [
    (PretrainingSettings, {"hidden_size": 8, "heads": 4, "layers": 1, "sequence_length": 8, "held_out_share": 0.5}),
    (
        PretrainingSettings,
        {"held_out_share": 0, "warmup_share": 1, "weight_decay": 0, "learning_rate": 1, "max_steps": 1},
    ),
    (FinetuningSettings, {"method": "scratch", "packing": True, "patience": 1, "dropout": 0.9}),
    (FinetuningSettings, {"rank": 1, "alpha": 1, "target_modules": ["c_attn"], "seed": 2**32 - 1}),
    (GenerationSettings, {"max_new_tokens": 1, "temperature": 10, "repetition_penalty": 1, "batch_size": 1, "seed": 0}),
]


@pytest.mark.parametrize(("kind", "values", "message"), WRONG, ids=[f"{kind.__name__}-{v}" for kind, v, _ in WRONG])
def test_a_value_that_cannot_work_is_refused(kind: type, values: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        kind(**values)


@pytest.mark.parametrize(("kind", "values"), BOUNDS, ids=[kind.__name__ + str(n) for n, (kind, _) in enumerate(BOUNDS)])
def test_values_on_the_bounds_are_taken(kind: type, values: dict[str, object]) -> None:
    assert (
        asdict(kind(**values)).items() >= {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}.items()
    )


@pytest.mark.parametrize("settings", [PretrainingSettings(), FinetuningSettings(), GenerationSettings()])
def test_settings_survive_json(settings: PretrainingSettings | FinetuningSettings | GenerationSettings) -> None:
    assert type(settings)(**json.loads(json.dumps(asdict(settings)))) == settings


def test_the_package_loads_no_heavy_library() -> None:
    heavy = {"torch", "transformers", "peft", "tokenizers", "sacrebleu", "rouge_score"}
    code = f"import sys, parlance.modelling; print(sorted({heavy} & set(sys.modules)))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert loaded.stdout.strip() == "[]"


def test_an_unknown_name_is_an_attribute_error() -> None:
    from parlance import modelling

    with pytest.raises(AttributeError, match="'pretain'"):
        modelling.pretain  # noqa: B018

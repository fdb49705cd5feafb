"""What is generated, how much of it, and what it may cost."""

from dataclasses import dataclass
from typing import Final, Literal, get_args

from parlance.errors import ConfigError

Method = Literal["self_instruct", "evol_instruct"]
METHODS: Final[tuple[str, ...]] = get_args(Method)


@dataclass(frozen=True, kw_only=True)
class SynthesisSettings:
    """Candidates, seeds and bounds. Same settings, examples and answers give the same rows.

    `candidates` are tried, of which the filters leave some; `methods` take turns. `shown` examples are shown to the
    model in self-instruct (8 in the paper); evol-instruct rewrites one `evolutions` times, then has it answered.
    `most_tokens` and `most_cost` bound all tokens of the answers used, prompts included, in or out of the cache;
    prices are per million tokens. Shares of overlap from `copied` on are copies.
    """

    candidates: int = 100
    methods: tuple[str, ...] = METHODS
    shown: int = 8
    evolutions: int = 1
    seed: int = 1
    temperature: float = 0.7
    most_answer_tokens: int = 512
    most_tokens: int = 200_000
    most_cost: float | None = None
    prompt_price: float = 0.0
    answer_price: float = 0.0
    parallel: int = 4
    copied: float = 0.7

    def __post_init__(self) -> None:
        if unknown := sorted(set(self.methods) - set(METHODS)):
            raise ConfigError(f"unknown methods {unknown}; known: {', '.join(METHODS)}")
        for name in ("candidates", "shown", "evolutions", "most_answer_tokens", "most_tokens", "parallel"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} is {getattr(self, name)}; allowed: 1 and above")
        if not self.methods or not 0 < self.copied <= 1 or self.temperature < 0:
            raise ConfigError(
                f"methods {self.methods}, copied {self.copied} and temperature {self.temperature}; "
                "allowed: at least one method, above 0 up to 1, and 0 or above"
            )
        if min(self.prompt_price, self.answer_price) < 0 or (self.most_cost is not None and self.most_cost <= 0):
            raise ConfigError(
                f"prices {self.prompt_price} and {self.answer_price}, most_cost {self.most_cost}; "
                "allowed: prices from 0, a cost above 0"
            )
        if self.most_cost is not None and not self.prompt_price + self.answer_price:
            raise ConfigError("most_cost is set, but no price per million tokens: set prompt_price and answer_price")

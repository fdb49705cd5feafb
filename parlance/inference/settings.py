"""How a batch is answered, how often what failed is tried, and what tokens cost."""

from dataclasses import asdict, dataclass, field
from typing import Any, Final

from parlance.errors import ConfigError
from parlance.modelling.settings import GenerationSettings

WRITERS: Final = ("auto", "transformers", "vllm", "endpoint")
# No standard chat-completions endpoint takes it, and vLLM's would also punish the words of the question.
_TRANSFORMERS_ONLY: Final = frozenset({"repetition_penalty"})


@dataclass(frozen=True, kw_only=True)
class InferenceSettings:
    """Prices are per million tokens. Nothing but `generation`, its `batch_size` left out, changes an answer.

    `most_attempts` bounds how often a failed request is tried over all runs, `answer_attempts` how often within a run
    it is asked until its answer is one: not empty, and of the JSON schema. Answers are kept after every `keep_every`,
    or `keep_after_s`, whichever is sooner. `parallel` requests are with an endpoint at once.
    """

    generation: GenerationSettings = field(default_factory=GenerationSettings)
    most_attempts: int = 3
    answer_attempts: int = 3
    parallel: int = 8
    prompt_price: float = 0.0
    answer_price: float = 0.0
    keep_every: int = 256
    keep_after_s: float = 10.0

    def __post_init__(self) -> None:
        for name in ("most_attempts", "answer_attempts", "parallel", "keep_every"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} is {getattr(self, name)}; allowed: 1 and above")
        for name in ("prompt_price", "answer_price", "keep_after_s"):
            if not 0 <= getattr(self, name) < float("inf"):
                raise ConfigError(f"{name} is {getattr(self, name)}; allowed: 0 and above")

    def sampling(self, writer: str) -> dict[str, Any]:
        """What an answer by `writer` depends on; batches are not among it.

        >>> sorted(InferenceSettings().sampling("vllm"))
        ['max_new_tokens', 'seed', 'temperature', 'top_p']
        """
        unused = {"batch_size"} if writer == "transformers" else {"batch_size"} | _TRANSFORMERS_ONLY
        return {name: value for name, value in asdict(self.generation).items() if name not in unused}

    def cost(self, prompt_tokens: int, answer_tokens: int) -> float:
        """In the currency of the prices.

        >>> InferenceSettings(prompt_price=1.0, answer_price=4.0).cost(500_000, 250_000)
        1.5
        """
        return (prompt_tokens * self.prompt_price + answer_tokens * self.answer_price) / 1_000_000

"""How many tokens, and what money, may still be spent."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from parlance.synthesis.endpoint import Answer
from parlance.synthesis.settings import SynthesisSettings

# What chat templates of models put around a message, and before the answer.
_TOKENS_A_MESSAGE = 16


@dataclass(kw_only=True)
class Budget:
    """Tokens and cost so far, of all answers that were used: a second run from the cache stops where the first did."""

    settings: SynthesisSettings
    prompt_tokens: int = 0
    answer_tokens: int = 0

    @property
    def tokens(self) -> int:
        return self.prompt_tokens + self.answer_tokens

    @property
    def cost(self) -> float:
        return self._cost(self.prompt_tokens, self.answer_tokens)

    def has_room(self, prompts: Sequence[int], *, answers: int) -> bool:
        """Whether requests with at most `prompts` tokens each and `answers` answer tokens fit in what is left."""
        prompt = self.prompt_tokens + sum(prompts)
        answer = self.answer_tokens + len(prompts) * answers
        most = self.settings.most_cost
        return prompt + answer <= self.settings.most_tokens and (most is None or self._cost(prompt, answer) <= most)

    def spend(self, answer: Answer) -> None:
        """Counts what an answer took."""
        self.prompt_tokens += answer.prompt_tokens
        self.answer_tokens += answer.answer_tokens

    def _cost(self, prompt: int, answer: int) -> float:
        return (prompt * self.settings.prompt_price + answer * self.settings.answer_price) / 1_000_000


def most_prompt_tokens(messages: Sequence[Mapping[str, str]]) -> int:
    """No tokenizer that merges bytes or characters makes more tokens of a text than it has bytes.

    >>> most_prompt_tokens([{"role": "user", "content": "ü"}])
    18
    """
    return sum(len(message["content"].encode()) + _TOKENS_A_MESSAGE for message in messages)

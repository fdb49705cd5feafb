"""How text is cut into pre-tokens before anything is merged: patterns, digits and normalisation, each by its name.

The names are what settings hold; the regular expressions are what a trained tokenizer carries, so that `tokenizers`
cuts as the compiled pass did that counted.
"""

from dataclasses import dataclass
from typing import Literal, TypeVar, get_args

from parlance.errors import ConfigError

Pattern = Literal["llama3", "gpt2"]
Digits = Literal["groups", "single"]
Normalisation = Literal["none", "nfc", "nfkc"]
Choice = TypeVar("Choice", bound=str)

_CONTRACTIONS = "'s|'t|'re|'ve|'m|'ll|'d"
# https://github.com/meta-llama/llama3/blob/main/llama/tokenizer.py: digits in groups of up to three, letters and
# digits never in one piece; https://github.com/openai/gpt-2/blob/master/src/encoder.py.
_REGEXES: dict[tuple[str, str], str] = {
    (pattern, digits): regex
    for digits, some, run in (("groups", r"\p{N}{1,3}", r"\p{N}+"), ("single", r"\p{N}", r"\p{N}"))
    for pattern, regex in (
        (
            "llama3",
            rf"(?i:{_CONTRACTIONS})|[^\r\n\p{{L}}\p{{N}}]?\p{{L}}+|{some}"
            r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
        ),
        ("gpt2", rf"{_CONTRACTIONS}| ?\p{{L}}+| ?{run}| ?[^\s\p{{L}}\p{{N}}]+|\s+(?!\S)|\s+"),
    )
}
_WORDS: dict[Digits, str] = {
    "groups": r"\p{L}+|\p{N}{1,3}|[^\s\p{L}\p{N}]",
    "single": r"\p{L}+|\p{N}|[^\s\p{L}\p{N}]",
}


@dataclass(frozen=True, kw_only=True)
class Cut:
    """What text becomes before it is counted: `normalisation` first, then `pattern`.

    >>> Cut.named("llama3+nfc")
    Cut(pattern='llama3', normalisation='nfc')
    >>> str(Cut(pattern="gpt2"))
    'gpt2'
    """

    pattern: Pattern = "llama3"
    normalisation: Normalisation = "none"

    def __post_init__(self) -> None:
        known(self.pattern, Pattern, "pattern")
        known(self.normalisation, Normalisation, "normalisation")

    def __str__(self) -> str:
        return self.pattern if self.normalisation == "none" else f"{self.pattern}+{self.normalisation}"

    @classmethod
    def named(cls, name: str) -> "Cut":
        """The cut of a setting: a pattern, with `+nfc` or `+nfkc` where text is normalised first."""
        pattern, _, normalisation = name.partition("+")
        return cls(pattern=pattern, normalisation=normalisation or "none")  # type: ignore[arg-type]

    def regex(self, digits: Digits) -> str:
        """The regular expression of the pattern, as `tokenizers` reads it."""
        return _REGEXES[self.pattern, known(digits, Digits, "digits")]


def word_regex(digits: Digits) -> str:
    """What WordPiece takes for a word within a pre-token: letters, digits or one sign; white space is left out."""
    return _WORDS[known(digits, Digits, "digits")]


def known(value: Choice, choices: object, what: str) -> Choice:
    """`value`; ConfigError where it is not among `choices`."""
    if value not in get_args(choices):
        raise ConfigError(f"unknown {what} {value!r}; known: {', '.join(get_args(choices))}")
    return value


PLAIN = Cut()

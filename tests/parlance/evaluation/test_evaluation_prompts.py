"""A team's prompts: each way of matching on both sides, and what is said of a bad file."""

import json
from pathlib import Path

import pytest
import yaml

from parlance.errors import ConfigError
from parlance.evaluation import Prompt, read_prompts
from parlance.evaluation.prompts import Match

SAMPLE = Path(__file__).parents[3] / "sample" / "prompts.yaml"


@pytest.mark.parametrize(
    ("match", "expected", "answer", "right"),
    [
        ("exact", "Twelve days", "twelve days.", True),
        ("exact", "Twelve days", "Twelve days left", False),
        ("contains", "by  noon", "Send it BY NOON, please", True),
        ("contains", "noon", "Send it by none", False),
        ("regex", r"\b(5|five)\b", "up to 5 carry over", True),
        ("regex", r"\b(5|five)\b", "up to 55 carry over", False),
        ("f1", "the cat sat", "the dog sat", True),
        ("f1", "the cat sat", "a dog ran", False),
        ("f1", "潮位", "潮の位", True),
    ],
)
def test_an_answer_is_right_or_not(match: str, expected: str, answer: str, right: bool) -> None:
    prompt = Prompt(id="1", prompt="?", match=Match(match), expected=(expected,))
    assert prompt.is_right(prompt.judge(answer)) is right


def test_one_of_several_answers_is_enough() -> None:
    prompt = Prompt(id="1", prompt="?", expected=("manager", "HR"))
    assert prompt.judge("Tell your manager") == 1
    assert prompt.judge("Tell nobody") == 0


def test_the_sample_has_every_way_of_matching() -> None:
    assert {prompt.match for prompt in read_prompts(str(SAMPLE))} == set(Match)


def test_json_lines_say_the_same_as_yaml(tmp_path: Path) -> None:
    prompts = yaml.safe_load(SAMPLE.read_text(encoding="utf-8"))["prompts"]
    lines = tmp_path / "prompts.jsonl"
    lines.write_text("\n".join(map(json.dumps, prompts)) + "\n\n", encoding="utf-8")
    assert read_prompts(str(lines)) == read_prompts(str(SAMPLE))
    assert read_prompts("") == []


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.yaml", "- {prompt: a, expected: b, matches: exact}", r"prompt 1: unknown keys \['matches'\]; allowed: id"),
        ("a.yaml", "- {prompt: a, expected: b}\n- {prompt: '', expected: b}", "prompt 2: prompt and expected must not"),
        ("a.yaml", "- {prompt: a}", "prompt 1: prompt and expected must not be empty"),
        ("a.yaml", "- {prompt: 3, expected: a}", "prompt 3 is no text"),
        (
            "a.yaml",
            "- {prompt: a, expected: b, match: like}",
            "match 'like'; allowed: exact, contains, regex, f1, choice",
        ),
        ("a.yaml", "- {prompt: a, expected: '(', match: regex}", r"expected '\(' is no regular expression"),
        ("a.yaml", "- {prompt: a, expected: b, match: f1, at_least: 0}", "at_least 0.0; allowed: above 0, to 1"),
        ("a.yaml", "- {prompt: a, expected: b, match: f1, at_least: x}", "at_least 'x'; allowed: a number"),
        (
            "a.yaml",
            "- {prompt: a, expected: b, match: choice, choices: [c, d]}",
            r"choices \['c', 'd'\] must be two or",
        ),
        (
            "a.yaml",
            "- {prompt: a, expected: b, choices: [b, c]}",
            "choices are only for match 'choice', not 'contains'",
        ),
        ("a.yaml", "- {prompt: a, expected: [{b: c}]}", "expected holds {'b': 'c'}; allowed: texts"),
        ("a.yaml", "- {id: x, prompt: a, expected: b}\n- {id: x, prompt: c, expected: d}", "id 'x' is there twice"),
        ("a.yaml", "- just text", "prompt 1 is 'just text'; it must have the keys"),
        ("a.yaml", "[]", "has no prompts"),
        ("a.yaml", "{questions: []}", "holds no list of prompts"),
        ("a.yaml", "{", "is no YAML"),
        ("a.jsonl", '{"prompt": "a", "expected": "b"}\n{', "line 2 is no JSON"),
        ("a.txt", "a", "ends with '.txt'; allowed: .yaml, .yml, .jsonl, .ndjson"),
    ],
)
def test_a_bad_file_is_refused_by_name(tmp_path: Path, name: str, text: str, message: str) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=message) as raised:
        read_prompts(str(tmp_path / name))
    assert name in str(raised.value)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"does not exist; see sample/prompts\.yaml"):
        read_prompts(str(tmp_path / "none.yaml"))

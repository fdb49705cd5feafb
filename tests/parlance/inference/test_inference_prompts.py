"""Prompts and schemas: what is taken, what is refused, and that questions stay text."""

from pathlib import Path

import pytest

from parlance.errors import ConfigError
from parlance.inference import Prompt, prompts, schema
from parlance.inference.schema import AnswerSchema

SAMPLE = Path(__file__).parents[3] / "sample" / "prompts" / "draft.jinja"


def test_the_sample_prompt_shows_the_question_alone() -> None:
    prompt = prompts.read(str(SAMPLE))
    assert prompt.messages({"question": "Why {% raw %}?"}) == [{"role": "user", "content": "Why {% raw %}?"}]


def test_another_text_is_another_version() -> None:
    one, other = (Prompt(f"{{% block user %}}{word}{{% endblock %}}") for word in ("a", "b"))
    assert one.version != other.version


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{{ question }}", r"blocks \[\]; allowed: user"),
        ("{% block users %}{% endblock %}", "users"),
        ("{% block user %}{{ question }", "is no template"),
        ("{% block user %}{{ author }}{% endblock %}", "'author' is undefined; it is given question, channel"),
        ("{% block user %}{{ question.__class__.__mro__ }}{% endblock %}", "unsafe"),
        ("{% block user %}{{ 1 // 0 }}{% endblock %}", "fails"),
        ("{% block user %}{% for i in range(10**9) %}a{% endfor %}{% endblock %}", "Range too big"),
    ],
)
def test_a_wrong_prompt_is_refused_before_it_is_used(text: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        Prompt(text)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.jinja"):
        prompts.read(str(tmp_path / "none.jinja"))
    with pytest.raises(ConfigError, match=r"none\.json"):
        schema.read(str(tmp_path / "none.json"))
    (tmp_path / "broken.json").write_text("{")
    with pytest.raises(ConfigError, match=r"broken\.json"):
        schema.read(str(tmp_path / "broken.json"))


def test_a_schema_that_is_none_is_refused() -> None:
    with pytest.raises(ConfigError, match="'colour' is not valid"):
        AnswerSchema({"type": "colour"})
    with pytest.raises(ConfigError, match="refers to what is not there"):
        AnswerSchema({"$ref": "https://example.org/none.json"}).error("{}")


def test_deep_nesting_is_an_error_of_the_answer() -> None:
    assert str(AnswerSchema({}).error("[" * 100_000)).startswith("no JSON")

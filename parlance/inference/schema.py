"""Answers that must be JSON of a given shape."""

import json
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError as InvalidSchemaError
from jsonschema.exceptions import best_match
from referencing.exceptions import Unresolvable

from parlance.errors import ConfigError
from parlance.versions import version

# No part of what may be followed strictly: https://platform.openai.com/docs/guides/structured-outputs#supported-schemas
_NEVER_STRICT = frozenset(
    {"allOf", "oneOf", "not", "if", "then", "else", "prefixItems", "patternProperties"}
    | {"dependentRequired", "dependentSchemas"}
)


class AnswerSchema:
    """A JSON schema of draft 2020-12. Raises ConfigError for one that is none.

    >>> AnswerSchema({"type": "object", "required": ["answer"]}).error('{"reply": 1}')
    "'answer' is a required property"
    """

    def __init__(self, schema: Any, *, name: str = "schema") -> None:
        try:
            Draft202012Validator.check_schema(schema)
        except InvalidSchemaError as error:
            raise ConfigError(f"JSON schema {name} is none: {error.message}") from error
        self.schema = schema
        self.version = version(schema)
        self._validator = Draft202012Validator(schema)
        self._name = name

    def error(self, text: str) -> str | None:
        """Why `text` is not what the schema asks for; null where it is."""
        try:
            found = json.loads(text)
        except ValueError as error:
            return f"no JSON: {error}"
        except RecursionError:
            return "no JSON: nested too deep"
        try:
            worst = best_match(self._validator.iter_errors(found))
        except Unresolvable as error:
            raise ConfigError(f"JSON schema {self._name} refers to what is not there: {error}") from error
        return None if worst is None else worst.message[:500]

    def response_format(self) -> dict[str, Any]:
        """As chat-completions endpoints take it: https://platform.openai.com/docs/guides/structured-outputs.

        Strict where the schema meets the terms of that; else it is a wish, and answers are checked here all the same.
        """
        strict = isinstance(self.schema, dict) and self.schema.get("type") == "object" and _is_closed(self.schema)
        return {"type": "json_schema", "json_schema": {"name": "answer", "schema": self.schema, "strict": strict}}


def _is_closed(part: Any) -> bool:
    """Whether every object in a schema requires all properties that it names, and allows no other.

    >>> _is_closed({"type": "object", "properties": {"a": {}}, "required": ["a"], "additionalProperties": False})
    True
    >>> _is_closed({"type": "array", "items": {"type": "object", "properties": {"a": {}}}})
    False
    """
    if not isinstance(part, dict):
        return True
    if part.keys() & _NEVER_STRICT:
        return False
    named = part.get("properties", {})
    types = part.get("type")
    is_object = bool(named) or types == "object" or (isinstance(types, list) and "object" in types)
    if is_object and (part.get("additionalProperties") is not False or set(part.get("required", [])) != set(named)):
        return False
    inner = [part.get("items"), *part.get("anyOf", []), *named.values(), *part.get("$defs", {}).values()]
    return all(map(_is_closed, inner))


def read(path: str) -> AnswerSchema:
    """The schema in a JSON file. Raises ConfigError where it cannot be read or is none."""
    try:
        return AnswerSchema(json.loads(Path(path).read_text(encoding="utf-8")), name=repr(path))
    except (OSError, ValueError) as error:
        raise ConfigError(f"JSON schema {path!r} cannot be read: {error}") from error

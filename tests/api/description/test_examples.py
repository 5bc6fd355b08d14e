"""Examples of the description: every body and answer has one, each is valid, and none holds personal data."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from drf_spectacular.generators import SchemaGenerator
from jsonschema import Draft202012Validator

from tests.api.description.test_description import endpoints

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def described() -> Any:
    return json.loads(json.dumps(SchemaGenerator().get_schema(request=None, public=True), default=str))


def shown(described: Any) -> Iterator[tuple[str, Any, Any]]:
    """Yield the place, the schema and the example of each body and answer in JSON."""
    for path, methods in described["paths"].items():
        for method, said in methods.items():
            answers = {code: answer for code, answer in said["responses"].items() if code.startswith("2")}
            for place, part in {"body": said.get("requestBody", {}), **answers}.items():
                content = part.get("content", {}).get("application/json")
                if content:
                    [example] = content.get("examples", {}).values()
                    name = example.get("$ref", "").rpartition("/")[2]
                    found = described["components"]["examples"][name] if name else example
                    yield f"{method} {path} {place}", content["schema"], found["value"]


def test_every_body_and_answer_has_an_example_that_its_schema_allows(described: Any) -> None:
    found = list(shown(described))
    assert len(found) > 150
    wrong = {}
    for place, schema, value in found:
        checker = Draft202012Validator(
            {**schema, "components": described["components"]}, format_checker=Draft202012Validator.FORMAT_CHECKER
        )
        if problems := [f"{list(each.path)}: {each.message[:200]}" for each in checker.iter_errors(value)]:
            wrong[place] = problems
    assert wrong == {}


@pytest.mark.django_db
def test_every_example_of_a_body_is_read_without_an_error(described: Any) -> None:
    bodies = {place: value for place, _schema, value in shown(described) if place.endswith(" body")}
    wrong = {}
    for method, path, view, action in endpoints():
        place = f"{method} {path} body"
        named = (
            getattr(view, action).kwargs.get("request_serializer") if hasattr(getattr(view, action), "kwargs") else None
        )
        shape = named or getattr(view, "request_serializers", {}).get(action)
        if place in bodies and shape is not None:
            reader = shape(data=bodies[place])
            if not reader.is_valid():
                wrong[place] = reader.errors
    assert wrong == {}
    assert len(bodies) > 60


def test_no_example_holds_personal_data(described: Any) -> None:
    text = json.dumps(described["components"]["examples"], ensure_ascii=False)
    assert {address for address in re.findall(r"[\w•.]+@[\w.]+", text) if not address.endswith("@example.com")} == set()
    assert {number for number in re.findall(r"\+\d{7,}", text) if not re.fullmatch(r"\+155555501\d\d", number)} == set()

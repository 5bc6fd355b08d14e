"""The fields of which the shapes of events are made."""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import cache
from typing import Annotated, Any, Final, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, StringConstraints

T = TypeVar("T")


class Listeners:
    """Marks a field that is for the listeners of the stream alone."""


ForListeners = Annotated[T, Listeners()]
Id = UUID
Moment = datetime
Code = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.:/-]{0,80}$")]
"""A word of ours, such as a state or a reason; never of a person."""
Amount = Annotated[str, StringConstraints(pattern=r"^-?\d{1,20}(\.\d{1,12})?$")]
"""A decimal number, such as a price."""
Path = tuple[str, ...]
_NOT_IN_CODES: Final = re.compile(r"[^A-Za-z0-9_.:/-]")
_DROPPED: Final = ("title", "description")


def as_code(text: str) -> str:
    """Return a name of the outside, such as a model's, as a code."""
    return _NOT_IN_CODES.sub("_", text)[:80]


class Shape(BaseModel):
    """The fields of an event, as it is written. Unknown fields are refused."""

    model_config = ConfigDict(extra="forbid")


@cache
def paths_for_listeners(shape: type[BaseModel]) -> tuple[Path, ...]:
    """Return the paths of a shape's fields that are never published."""
    return tuple(_paths_for_listeners(shape))


def _paths_for_listeners(shape: type[BaseModel]) -> Iterator[Path]:
    for name, field in shape.model_fields.items():
        if any(isinstance(mark, Listeners) for mark in field.metadata):
            yield (name,)
        elif isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from ((name, *rest) for rest in _paths_for_listeners(field.annotation))


def without(document: Mapping[str, Any], paths: tuple[Path, ...]) -> dict[str, Any]:
    """Return a copy of a document without the fields at some paths."""
    kept = dict(document)
    for name, *rest in paths:
        if not rest:
            kept.pop(name, None)
        elif isinstance(kept.get(name), dict):
            kept[name] = without(kept[name], (tuple(rest),))
    return kept


def published_schema(shape: type[Shape]) -> dict[str, Any]:
    """Return the JSON Schema of what is published of a shape."""
    whole = shape.model_json_schema(mode="serialization")
    definitions = whole.pop("$defs", {})
    return _published(whole, definitions, paths_for_listeners(shape))


def _published(schema: dict[str, Any], definitions: Mapping[str, Any], hidden: tuple[Path, ...]) -> dict[str, Any]:
    """Return a schema with what it refers to in place, without the hidden fields and without words of our own."""
    if "$ref" in schema:
        schema = definitions[schema["$ref"].rpartition("/")[2]]
    found = {key: value for key, value in schema.items() if key not in _DROPPED}
    if "properties" in found:
        gone = {path[0] for path in hidden if len(path) == 1}
        found["properties"] = {
            name: _published(part, definitions, tuple(path[1:] for path in hidden if path[0] == name))
            for name, part in found["properties"].items()
            if name not in gone
        }
        found["required"] = [name for name in found.get("required", ()) if name not in gone]
    if "items" in found:
        found["items"] = _published(found["items"], definitions, ())
    if "anyOf" in found:
        found["anyOf"] = [_published(part, definitions, ()) for part in found["anyOf"]]
    return found

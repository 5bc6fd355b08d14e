"""Register the types of events, and check what is written against them."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple
from uuid import UUID

from pydantic import ValidationError

from core.catalogue.shapes import Shape, paths_for_listeners, published_schema, without

PUBLIC_NAME: Final = re.compile(r"[a-z]+(_[a-z]+)*\.[a-z]+(_[a-z]+)*")
"""How webhooks name events: a noun, and what happened to it."""


@dataclass(frozen=True, slots=True)
class EventType:
    """One type of event.

    `owner` is the kind of stream whose rows are the event, "" for a frame that only tells listeners; `told` holds
    the shapes of what other kinds of streams tell of it. `names` says which object each id in it names, `text`
    in one sentence what happened. `subject` names a field that consumers get beside those of the shape: the id in the
    name of the stream, so that writers need not repeat it. `public` is what webhooks
    call it where its name doesn't tell.
    """

    name: str
    text: str
    shape: type[Shape]
    owner: str = ""
    version: int = 1
    names: Mapping[str, str] = field(default_factory=dict)
    subject: str = ""
    told: Mapping[str, type[Shape]] = field(default_factory=dict)
    public: str = ""

    @property
    def public_name(self) -> str:
        """Return what webhooks call it: `conversation.closed` for `conversation_closed`, and no other event."""
        return self.public or (self.name if "." in self.name else self.name.replace("_", ".", 1))

    @property
    def is_published(self) -> bool:
        """Return True if consumers read it."""
        return bool(self.owner)

    def schema(self) -> dict[str, Any]:
        """Return the JSON Schema of what consumers get."""
        found = published_schema(self.shape)
        if self.subject:
            found["properties"] = {self.subject: {"type": "string", "format": "uuid"}, **found["properties"]}
            found["required"] = [self.subject, *found.get("required", ())]
        return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": self.name, **found}

    def publish(self, stream: str, payload: Mapping[str, Any]) -> dict[str, Any]:
        """Return what consumers get of a stored row."""
        said = without(payload, paths_for_listeners(self.shape))
        return {self.subject: stream.partition(":")[2], **said} if self.subject else said


class _Place(NamedTuple):
    """A type on one kind of stream: the compiled check of its shape, and its version where the stream owns it."""

    validate: Callable[[Any], object]
    version: int | None


_types: dict[str, EventType] = {}
_by_public_name: dict[str, str] = {}
_places: dict[tuple[str, str], _Place] = {}


def register(*types: EventType) -> None:
    """Register types. Raises ValueError for a name that another one has."""
    for each in types:
        if _types.get(each.name, each) != each:
            raise ValueError(f"an event {each.name!r} is already registered")
        if each.owner and each.owner in each.told:
            raise ValueError(f"{each.name!r} is told on the stream that owns it")
        if not each.owner and not each.told:
            raise ValueError(f"{each.name!r} is on no stream")
        if each.owner and not PUBLIC_NAME.fullmatch(each.public_name):
            raise ValueError(f"{each.public_name!r} is no name of the form noun.verb")
        if each.owner and _by_public_name.setdefault(each.public_name, each.name) != each.name:
            raise ValueError(f"webhooks call another event {each.public_name!r} already")
        _types[each.name] = each
        if each.owner:
            _places[each.name, each.owner] = _Place(each.shape.__pydantic_validator__.validate_python, each.version)
        for kind, shape in each.told.items():
            _places[each.name, kind] = _Place(shape.__pydantic_validator__.validate_python, None)


def find(name: str) -> EventType | None:
    return _types.get(name)


def find_public(name: str) -> EventType | None:
    """Return a published type by its name, or by what webhooks call it."""
    found = _types.get(_by_public_name.get(name, name))
    return found if found and found.is_published else None


def list_published() -> list[EventType]:
    """Return the types that consumers read, by name."""
    return sorted((each for each in _types.values() if each.is_published), key=lambda each: each.name)


def check(stream: str, type: str, payload: Mapping[str, Any]) -> int | None:
    """Return an event's version where the stream owns it, else None. Raises ValueError, naming type and field."""
    kind, _, subject = stream.partition(":")
    version = check_shape(kind, type, payload)
    if version is not None and _types[type].subject:
        try:
            UUID(subject)
        except ValueError:
            raise ValueError(f"event {type!r}: its stream has to end with an id") from None
    return version


def check_shape(kind: str, type: str, payload: Mapping[str, Any]) -> int | None:
    """Check an event as `check` does, for a statement that finds its stream of this kind by itself."""
    place = _places.get((type, kind))
    if place is None:
        where = f"is not told on streams of the kind {kind!r}" if type in _types else "is not in the catalogue"
        raise ValueError(f"event {type!r} {where}")
    try:
        place.validate(payload)
    except ValidationError as problem:
        # Field by field, without the values: they may be personal.
        found = problem.errors(include_url=False, include_context=False, include_input=False)
        said = (f"{'.'.join(map(str, each['loc'])) or 'payload'}: {each['msg']}" for each in found)
        raise ValueError(f"event {type!r}: {'; '.join(said)}") from None
    return place.version

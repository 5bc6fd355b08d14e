"""What was published of an event stays as it is: a changed shape is a new version, and the page of events says so."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from core import bus, catalogue
from core.bus import subscriptions
from core.catalogue import EventType
from core.catalogue.registry import PUBLIC_NAME
from core.catalogue.shapes import paths_for_listeners
from tests.event_types import register_test_events
from tests.structure.source import ROOT

SHAPES: Final = Path(__file__).with_name("event_shapes.txt")
PAGE: Final = ROOT / "docs" / "reference" / "events.md"
AGAIN: Final = "WALKER_WRITE_EVENTS=1 ./walker test tests/structure/test_event_shapes.py"
# What customers' chats need to resume, and no consumer gets. A new one needs a reason as good as these have:
# docs/adr/stream-rows-are-the-events.md.
FOR_LISTENERS: Final = {
    "agent_response": {"text", "sender.name"},
    "message_received": {"text", "sender.name"},
    "message_failed": {"error"},
    "survey_rated": {"commented"},
}
HEAD: Final = "|---|---|---|---|---|---|\n"
CODES: Final = (r"^[A-Za-z0-9_.:/-]{0,80}$", r"^-?\d{1,20}(\.\d{1,12})?$")


def _published() -> list[EventType]:
    return [each for each in catalogue.list_published() if not each.name.startswith("test.")]


def _shape(each: EventType) -> list[str]:
    """Return a line for each path of an event: type, version, path and what may stand there."""
    schema = each.schema()
    assert schema.pop("$schema") == "https://json-schema.org/draft/2020-12/schema"
    assert schema.pop("title") == each.name
    return [f"{each.name} {each.version} {line}" for line in _paths(schema, "$")]


def _paths(schema: dict[str, Any], path: str, *marks: str) -> Iterator[str]:
    """Yield a line for each path; nothing of the schema is left out, or an assertion fails."""
    part = dict(schema)
    if "default" in part:
        marks = (*marks, f"default={json.dumps(part.pop('default'))}")
    if "anyOf" in part:
        one, null = part.pop("anyOf")
        assert (null, part) == ({"type": "null"}, {}), path
        yield from _paths(one, path, "null", *marks)
        return
    properties, required, items = part.pop("properties", {}), part.pop("required", []), part.pop("items", None)
    assert ("additionalProperties" in part) == (part["type"] == "object"), path
    assert part.pop("additionalProperties", False) is False, path
    assert items is None or part["type"] == "array", path
    assert not properties or part["type"] == "object", path
    words = [part.pop("type"), *(part.pop(name) for name in ("format", "pattern") if name in part), *marks]
    assert part == {}, f"{path}: no place for {part}"
    assert not any(" " in word for word in words), path
    yield " ".join([path, *words])
    for name, inside in sorted(properties.items()):
        assert name.isidentifier(), name
        yield from _paths(inside, f"{path}.{name}", *(["required"] if name in required else []))
    if items is not None:
        yield from _paths(items, f"{path}[]")


def _stored() -> dict[str, list[str]]:
    """The lines that are written down, by type and version."""
    found: dict[str, list[str]] = {}
    for line in SHAPES.read_text().splitlines() if SHAPES.exists() else ():
        found.setdefault(" ".join(line.split(" ")[:2]), []).append(line)
    return found


def _write(shapes: dict[str, list[str]]) -> None:
    SHAPES.write_text("".join(f"{line}\n" for name in sorted(shapes) for line in shapes[name]))
    before, _, rest = PAGE.read_text().partition(HEAD)
    after = "".join(line for line in rest.splitlines(keepends=True) if not line.startswith("| `"))
    PAGE.write_text(before + HEAD + "".join(f"{_line(each)}\n" for each in _published()) + after)


def _line(each: EventType) -> str:
    """Return the row of a type on the page of events."""
    fields = ", ".join(f"`{name}`" for name in each.schema()["properties"])
    return f"| `{each.name}` | `{each.public_name}` | {each.version} | `{each.owner}` | {each.text} | {fields} |"


def test_published_shapes_are_as_they_were() -> None:
    stored = _stored()
    now = {f"{each.name} {each.version}": _shape(each) for each in _published()}
    changed = {name: set(stored[name]) ^ set(lines) for name, lines in now.items() if stored.get(name, lines) != lines}
    assert changed == {}, f"raise the version of these events: consumers may rely on their shape ({AGAIN} then)"
    if os.environ.get("WALKER_WRITE_EVENTS"):
        _write({**stored, **now})
        stored = _stored()
    assert now.keys() - stored.keys() == set(), f"write them down: {AGAIN}"
    gone = {name.split()[0] for name in stored} - {each.name for each in _published()}
    assert gone == set(), "events that were published once are still stored: keep their types"


def test_every_event_is_on_its_page_as_it_is() -> None:
    listed = [line for line in PAGE.read_text().splitlines() if line.startswith("| `")]
    assert listed == [_line(each) for each in _published()], AGAIN


def test_every_event_has_one_name_of_one_style_in_webhooks() -> None:
    names = [each.public_name for each in _published()]
    assert [name for name in names if not PUBLIC_NAME.fullmatch(name)] == []
    assert sorted(set(names)) == sorted(names)
    verbs = {name.partition(".")[2].split("_")[0] for name in names}
    # What happened: a verb in the past, or what it needs.
    assert {verb for verb in verbs if not verb.endswith(("ed", "en"))} == {"became", "needs"}
    assert [each.name for each in _published() if catalogue.find_public(each.public_name) is not each] == []


def test_events_hold_ids_states_numbers_times_and_codes_only() -> None:
    words = {each.name: found for each in _published() if (found := list(_free_texts(each.schema(), ())))}
    assert words == {}
    hidden = {each.name: found for each in _published() if (found := _hidden(each))}
    assert hidden == FOR_LISTENERS


def _free_texts(schema: dict[str, Any], path: tuple[str, ...]) -> list[str]:
    if schema.get("type") == "object":
        assert schema["additionalProperties"] is False
        return [text for name, part in schema["properties"].items() for text in _free_texts(part, (*path, name))]
    if "anyOf" in schema:
        return [text for part in schema["anyOf"] for text in _free_texts(part, path)]
    if schema.get("type") == "array":
        return _free_texts(schema["items"], path)
    is_bound = schema.get("format") in ("uuid", "date-time") or schema.get("pattern") in CODES
    is_text = schema.get("type") not in ("integer", "number", "boolean", "null")
    return [".".join(path)] if is_text and not is_bound else []


def _hidden(each: EventType) -> set[str]:
    return {".".join(path) for path in paths_for_listeners(each.shape)}


def test_names_say_what_each_id_is() -> None:
    unnamed = {
        each.name: found
        for each in _published()
        if (found := {name for name, part in each.schema()["properties"].items() if _is_id(part)} - set(each.names))
    }
    assert unnamed == {}


def _is_id(part: dict[str, Any]) -> bool:
    return any(_is_id(each) for each in part.get("anyOf", ())) or part.get("format") == "uuid"


def test_consumers_ask_for_events_that_are_published() -> None:
    register_test_events()
    asked_for = {name for consumer in bus.names() for name in subscriptions.find(consumer).types or ()}
    assert asked_for - {each.name for each in catalogue.list_published()} == set()
    assert len(bus.names()) == len(set(bus.names()))

"""What models read of our own tools and the demo's is a part of the prompt: it stays as it is written down here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from agents.answering.tools import registry
from tests.offers import tool_keys

WRITTEN: Final = Path(__file__).parent / "tool_schemas.json"


def found() -> dict[str, Any]:
    """Return what models read of these tools, by their keys."""
    specs = {key: registry.get(key).spec() for key in tool_keys()}
    return {
        key: {
            "title": spec.title,
            "description": spec.description,
            "ability": registry.get(key).ability,
            "acting": spec.acting,
            "schema": dict(spec.parameters),
        }
        for key, spec in specs.items()
    }


def test_descriptions_and_schemas_of_tools_are_as_written_down() -> None:
    assert found() == json.loads(WRITTEN.read_text(encoding="utf-8"))

"""What models read of each tool stays word for word as it is written down here: it is a part of the prompt."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from agents.answering.tools import registry

WRITTEN: Final = Path(__file__).parent / "tool_schemas.json"


def found() -> dict[str, Any]:
    """Return what models read of every tool, by its key."""
    specs = {key: registry.get(key).spec() for key in registry.keys()}  # noqa: SIM118
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

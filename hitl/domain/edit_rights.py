"""Which fields of a request the signers of a level may edit: `name` of any kind, `kind:name` of one (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def editable_of(level: Mapping[str, Any], kind: str) -> set[str]:
    """Return the fields of a request of this kind that signers of the level may edit."""
    pairs = [str(entry).rpartition(":") for entry in level.get("editable_fields") or []]
    return {name for wanted, _, name in pairs if wanted in ("", kind)}

"""The bytes of a row that a seal covers."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

_BLANK: Final[tuple[Any, ...]] = ("", [], {})
encode: Final = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode


def content_of(row: Any, names: Iterable[str]) -> dict[str, Any]:
    """Return the columns that are not empty, so that a column added later changes no seal while it is."""
    values = {name: _plain(getattr(row, name, None)) for name in names}
    return {name: value for name, value in values.items() if value is not None and value not in _BLANK}


def _plain(value: Any) -> Any:
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value

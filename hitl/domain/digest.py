"""Canonical bytes of a request, and their SHA-256; what a seal covers of a row."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

_ROWS: Final = (list, tuple)
_BLANK: Final[tuple[Any, ...]] = ("", [], {})
encode: Final = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode


class Unrepresentable(ValueError):
    """A value that has no single canonical form: a float, a NUL, a key that is not text."""


def plain(value: Any) -> Any:
    """Return the value as JSON without floats: money, ids and moments become text.

    Raises Unrepresentable. What comes back from the database compares equal to what went in.
    """
    kind = type(value)
    if kind is str:
        return _text(value)
    if kind is dict:
        return {_key(key): plain(item) for key, item in value.items()}
    return _of_kin(value)


def _of_kin(value: Any) -> Any:
    if isinstance(value, str):
        return _text(value)
    if value is None or isinstance(value, int):
        return value
    if isinstance(value, Decimal):
        if not value.is_finite():
            raise Unrepresentable("an amount is a finite number")
        return format(value, "f")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, Mapping):
        return {_key(key): plain(item) for key, item in value.items()}
    if isinstance(value, _ROWS):
        return [plain(item) for item in value]
    raise Unrepresentable(f"{type(value).__name__} has no canonical form; write money as text")


def _text(value: str) -> str:
    if "\x00" in value or not (value.isascii() or all(not "\ud800" <= char <= "\udfff" for char in value)):
        raise Unrepresentable("text contains a character that cannot be kept")
    # For a text enum, its value and not the name of its member.
    return value if type(value) is str else str.__str__(value)


def _key(value: object) -> str:
    if not isinstance(value, str):
        raise Unrepresentable("keys are text")
    return _text(value)


def canonical(value: Any) -> bytes:
    """Return the one byte string of a value: sorted keys, UTF-8, no spaces."""
    return encode(plain(value)).encode()


def sha256_of(value: Any) -> str:
    """Return the SHA-256 (hex) of the value's canonical bytes."""
    return hashlib.sha256(canonical(value)).hexdigest()


def approval_digest(
    *,
    tenant_id: UUID,
    approval_id: UUID,
    revision: int,
    kind: str,
    kind_version: int,
    payload: Mapping[str, Any],
) -> str:
    """Return the digest that an approver decides on: one exact payload of one revision of one approval."""
    signed = {
        "tenant": tenant_id,
        "approval": approval_id,
        "revision": revision,
        "kind": kind,
        "kind_version": kind_version,
        "payload": payload,
    }
    return sha256_of(signed)


def content_of(row: Any, names: Iterable[str]) -> dict[str, Any]:
    """Return the columns that are not empty, so that a column added later changes no seal while it is."""
    values = {name: _stored(getattr(row, name, None)) for name in names}
    return {name: value for name, value in values.items() if value is not None and value not in _BLANK}


def _stored(value: Any) -> Any:
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, list):
        return [_stored(item) for item in value]
    return value

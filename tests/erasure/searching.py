"""Looking for words in everything that is stored: every column of every table, decrypted, and Redis."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote_plus
from uuid import UUID

from django.conf import settings
from django.core import signing
from django.db import connection, models
from redis import Redis

from core.privacy.encrypted_fields import EncryptedTextField, Sealed
from core.tenancy import rls
from core.tenancy.scope import tenant_scope


def cells(tenant_id: UUID) -> Iterator[tuple[str, str]]:
    """Return (table.column, text) of every value that the tenant's scope shows, the encrypted ones opened."""
    with tenant_scope(tenant_id):
        for model in rls.all_models():
            yield from _cells_of(model, tenant_id)


def _cells_of(model: type[models.Model], tenant_id: UUID) -> Iterator[tuple[str, str]]:
    sealed: dict[str, Any] = {f.column: f for f in model._meta.local_fields if isinstance(f, EncryptedTextField)}
    with connection.cursor() as cursor:
        cursor.execute(f'select * from "{model._meta.db_table}"')
        columns = [column.name for column in cursor.description or ()]
        rows = cursor.fetchall()
    for row in rows:
        for column, value in zip(columns, row, strict=True):
            if value is not None:
                yield f"{model._meta.label}.{column}", _text(value, sealed.get(column), column, tenant_id)


def _text(value: Any, field: Any, column: str, tenant_id: UUID) -> str:
    if field is not None:
        opened = field.open(Sealed(bytes(value), tenant_id))
        return opened if isinstance(opened, str) else json.dumps(opened, ensure_ascii=False)
    if column == "session_data":
        # Bound to its row, and packed: what it holds is looked at, and no key.
        packed = value.rsplit(":", 2)[0]
        held = signing.b64_decode(packed.removeprefix(".").encode())
        return (zlib.decompress(held) if packed.startswith(".") else held).decode()
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def found(tenant_id: UUID, words: tuple[str, ...]) -> set[str]:
    """Return the columns that hold one of the words, written in any of the ways of the web."""
    return {place for place, text in cells(tenant_id) if _holds(text, words)}


def found_in_redis(client: Redis, words: tuple[str, ...]) -> set[str]:
    """Return our keys in Redis that hold one of the words."""
    keys = list(client.scan_iter(f"{settings.CACHES['default']['KEY_PREFIX']}*"))
    dumped = {key.decode(errors="replace"): client.dump(key) or b"" for key in keys}
    return {key for key, value in dumped.items() if _holds(f"{key}{value.decode('latin-1')}", words)}


def _holds(text: str, words: tuple[str, ...]) -> bool:
    lower = text.lower()
    return any(word.lower() in form for word in words for form in (lower, unquote_plus(lower)))


def rows_about(tenant_id: UUID, words: tuple[str, ...]) -> list[str]:
    """Return what stands in the columns that hold the words: to be compared byte for byte."""
    return sorted(f"{place}={text}" for place, text in cells(tenant_id) if _holds(text, words))

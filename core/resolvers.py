"""Look-ups before the tenant is known: small definer functions that turn a secret into a tenant."""

from dataclasses import dataclass
from typing import Any

from django.db import connection


@dataclass(frozen=True, slots=True)
class Resolver:
    """One function `walker_find_<name>(key text)` that may read the named columns of one table.

    `match` is a column or expression compared with the key; `condition` narrows further.
    `columns` are (column, SQL type) pairs. Rows of a tenant that is switched off are not found unless
    `active_tenant` is False. Everything here is written in code, never taken from input.
    """

    name: str
    table: str
    match: str
    columns: tuple[tuple[str, str], ...]
    condition: str = "true"
    reads: tuple[str, ...] = ()
    active_tenant: bool = True

    @property
    def function(self) -> str:
        """Return the function's name in the database."""
        return f"walker_find_{self.name}"


_RESOLVERS: dict[str, Resolver] = {}


def register(resolver: Resolver) -> None:
    """Declare a look-up; it is made in the database after the next migrate."""
    _RESOLVERS[resolver.name] = resolver


def declared() -> list[Resolver]:
    """Return all declared look-ups in order of their names."""
    return [_RESOLVERS[name] for name in sorted(_RESOLVERS)]


def find(name: str, key: str) -> list[dict[str, Any]]:
    """Return what the named look-up knows about the key; works outside any tenant scope."""
    resolver = _RESOLVERS[name]
    with connection.cursor() as cursor:
        cursor.execute(f"select * from {resolver.function}(%s)", [key])
        columns = [column for column, _ in resolver.columns]
        return [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]

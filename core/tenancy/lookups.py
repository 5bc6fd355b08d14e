"""Definer functions: look-ups that turn a secret into a tenant, and searches by words within a tenant."""

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


@dataclass(frozen=True, slots=True)
class Search:
    """One function `walker_search_<name>(asked text, most int)`: ids of the tenant's newest rows with these words.

    `words` is the indexed expression over the table `t`, `asked` makes a query of the words asked for; both know
    `tenant`. Behind the wall of the application's role such an index is not used: its operator might tell
    of rows before the policy has left them out. So the function asks as a role that sees the table, takes
    the tenant from the scope itself (none without one) and returns the columns `found`: ids and nothing else.
    Everything here is written in code, never taken from input.
    """

    name: str
    table: str
    words: str
    asked: str
    found: tuple[tuple[str, str], ...]
    newest: str
    reads: tuple[str, ...]

    @property
    def function(self) -> str:
        """Return the function's name in the database."""
        return f"walker_search_{self.name}"


_RESOLVERS: dict[str, Resolver] = {}
_SEARCHES: dict[str, Search] = {}


def register(resolver: Resolver) -> None:
    """Declare a look-up; it is made in the database after the next migrate."""
    _RESOLVERS[resolver.name] = resolver


def declared() -> list[Resolver]:
    """Return all declared look-ups in order of their names."""
    return [_RESOLVERS[name] for name in sorted(_RESOLVERS)]


def register_search(search: Search) -> None:
    """Declare a search; it is made in the database after the next migrate."""
    _SEARCHES[search.name] = search


def searches() -> list[Search]:
    """Return all declared searches in order of their names."""
    return [_SEARCHES[name] for name in sorted(_SEARCHES)]


def find(name: str, key: str) -> list[dict[str, Any]]:
    """Return what the named look-up knows about the key; works outside any tenant scope."""
    resolver = _RESOLVERS[name]
    with connection.cursor() as cursor:
        cursor.execute(f"select * from {resolver.function}(%s)", [key])
        columns = [column for column, _ in resolver.columns]
        return [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]

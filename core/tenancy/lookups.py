"""Definer functions: look-ups of a tenant by a secret, and full-text searches within a tenant."""

from dataclasses import dataclass
from typing import Any

from django.db import connection


@dataclass(frozen=True, slots=True)
class Resolver:
    """One function `walker_find_<name>(key text)` that may read the named columns of one table.

    `match` is a column or expression compared with the key; `condition` narrows further.
    `columns` are (column, SQL type) pairs. Rows of a deactivated tenant are not found unless `active_tenant` is
    False. All values are written in code, never taken from input.
    """

    name: str
    table: str
    match: str
    columns: tuple[tuple[str, str], ...]
    condition: str = "true"
    reads: tuple[str, ...] = ()
    active_tenant: bool = True
    of_tenant: tuple[tuple[str, str, str], ...] = ()
    """Further columns, of the row's tenant `x`: name, SQL type, and an expression over `x` and the row `t`."""
    reads_of_tenant: tuple[str, ...] = ()
    beside: tuple[tuple[str, str, str], ...] = ()
    """Columns after those, of other tables: name, SQL type, and a select about the row `t`, of its tenant alone."""
    reads_beside: tuple[tuple[str, str], ...] = ()
    """The other tables, each with the columns that are read of it."""

    @property
    def function(self) -> str:
        """Return the function's name in the database."""
        return f"walker_find_{self.name}"

    @property
    def returned(self) -> tuple[tuple[str, str], ...]:
        """Return all columns with their SQL types, those of the tenant and of other tables last."""
        return (*self.columns, *((name, kind) for name, kind, _ in (*self.of_tenant, *self.beside)))


@dataclass(frozen=True, slots=True)
class Search:
    """A search by words, as a function of the database.

    `walker_search_<name>(asked text, most int)` returns the ids of the tenant's newest rows with these
    words.

    `words` is the indexed expression over the table `t`, `asked` makes a query of the words asked for; both know
    `tenant`. Under row-level security PostgreSQL does not use such an index, because its operator is not
    leakproof. So the function runs as a role that can read the table, takes the tenant from the scope (and
    returns nothing without one), and returns the columns `found`: only ids. All values are written in code,
    never taken from input.
    """

    name: str
    table: str
    words: str
    asked: str
    found: tuple[tuple[str, str], ...]
    newest: str
    reads: tuple[str, ...]
    has_newest_index: bool = False
    """True if an index holds each tenant's rows by `newest`: then words that many rows have are found by it."""

    @property
    def function(self) -> str:
        """Return the function's name in the database."""
        return f"walker_search_{self.name}"


_RESOLVERS: dict[str, Resolver] = {}
_SEARCHES: dict[str, Search] = {}


def register(resolver: Resolver) -> None:
    """Declare a look-up; the next migrate creates it in the database."""
    _RESOLVERS[resolver.name] = resolver


def declared() -> list[Resolver]:
    return [_RESOLVERS[name] for name in sorted(_RESOLVERS)]


def register_search(search: Search) -> None:
    """Declare a search; the next migrate creates it in the database."""
    _SEARCHES[search.name] = search


def searches() -> list[Search]:
    return [_SEARCHES[name] for name in sorted(_SEARCHES)]


def find(name: str, key: str) -> list[dict[str, Any]]:
    """Return the rows of a look-up for a key; works outside any tenant scope."""
    resolver = _RESOLVERS[name]
    with connection.cursor() as cursor:
        columns = [column for column, _ in resolver.returned]
        # By name: during an upgrade the function may return more than this version has asked for.
        cursor.execute(f"select {', '.join(columns)} from {resolver.function}(%s)", [key])
        return [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]

"""Django's PostgreSQL back end whose cursor names the tenant within each message it sends."""

from collections.abc import Iterable
from typing import Any, NoReturn

from django.db.backends.postgresql import base
from django.db.utils import NotSupportedError
from psycopg import sql

from core.scope import current_scope

# Sent without the tenant: they touch no row, and one of them must work in a failed transaction.
_BARE = ("SAVEPOINT", "RELEASE", "ROLLBACK")


def tenant_prefix() -> str:
    """Return the statement that tells the database the scope, for this message or transaction only."""
    scope = current_scope()
    role = "walker_platform" if scope.kind == "platform" else "none"
    tenant = str(scope.tenant_id) if scope.tenant_id else ""
    return f"select set_config('walker.tenant', '{tenant}', true), set_config('role', '{role}', true);"


def _prefixed(query: Any) -> Any:
    if isinstance(query, sql.Composable):
        return sql.SQL(tenant_prefix()) + query
    if isinstance(query, bytes):
        return tenant_prefix().encode() + query
    return tenant_prefix() + query


# Which class this is depends on the driver found at run time, so it has no type.
_Cursor: Any = base.Cursor


class TenantCursor(_Cursor):
    """Sends the scope and the statement as one message, so nothing is left behind in the pool.

    A path that forgot it fails closed: without the setting the policies match no row.
    """

    def execute(self, query: Any, params: Any = None, **options: Any) -> Any:
        """Run one statement within the current scope."""
        if isinstance(query, str) and query.startswith(_BARE):
            return super().execute(query, params, **options)
        super().execute(_prefixed(query), params, **options)
        self.nextset()
        return self

    def executemany(self, query: Any, params_seq: Iterable[Any], **options: Any) -> None:
        """Run the statement once for each set of parameters."""
        for params in params_seq:
            self.execute(query, params, **options)

    def copy(self, *args: Any, **options: Any) -> NoReturn:
        """Refuse: COPY cannot carry the scope."""
        raise NotSupportedError("COPY goes round the tenant wall; use keyset pages.")

    def stream(self, *args: Any, **options: Any) -> NoReturn:
        """Refuse: a stream cannot carry the scope."""
        raise NotSupportedError("stream() goes round the tenant wall; use keyset pages.")


class DatabaseWrapper(base.DatabaseWrapper):
    """The back end; `OPTIONS["tenant_wall"] = False` gives the owner's plain cursor to migrations."""

    def get_connection_params(self) -> dict[str, Any]:
        """Return the connection's parameters, with the cursor class of the wall."""
        params: dict[str, Any] = super().get_connection_params()
        if params.pop("tenant_wall", True):
            params["cursor_factory"] = TenantCursor
        return params

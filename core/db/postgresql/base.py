"""Django's PostgreSQL backend, with a cursor that sets the tenant in each message it sends."""

import re
from collections.abc import Iterable
from typing import Any, ClassVar, NoReturn

from django.db.backends.postgresql import base
from django.db.utils import NotSupportedError
from psycopg import sql
from psycopg.errors import InFailedSqlTransaction
from psycopg.pq import TransactionStatus

from core.tenancy.scope import current_scope

# Sent without the scope, because they read no rows: savepoints, which must also work in a failed transaction,
# and the empty query with which the pool checks a connection.
_WITHOUT_SCOPE = re.compile(r'(?:(?:SAVEPOINT|RELEASE SAVEPOINT|ROLLBACK TO SAVEPOINT) "\w+")?')


def scope_statements() -> str:
    """Return the two statements that set the current scope, for this message or transaction only."""
    scope = current_scope()
    tenant = str(scope.tenant_id) if scope.tenant_id else ""
    role = "walker_platform" if scope.kind == "platform" else "none"
    return f"set local walker.tenant = '{tenant}'; set local role {role}; "


def _after(statements: str, query: Any) -> Any:
    if isinstance(query, sql.Composable):
        return sql.Composed([sql.SQL(statements), query])
    if isinstance(query, bytes):
        return statements.encode() + query
    return statements + query


# The base class depends on the driver found at run time, so it has no static type.
_Cursor: Any = base.Cursor
_DatabaseWrapper: Any = base.DatabaseWrapper


class TenantCursor(_Cursor):
    """Sends the scope and the statement as one message, so that nothing stays on the connection.

    A statement sent in any other way fails closed: without the setting the policies match no row.
    """

    also: ClassVar[str] = ""  # a statement after the two of the scope

    def execute(self, query: Any, params: Any = None, **options: Any) -> Any:
        """Run one statement in the current scope."""
        if isinstance(query, str) and _WITHOUT_SCOPE.fullmatch(query):
            return super().execute(query, params, **options)
        super().execute(_after(scope_statements() + self.also, query), params, **options)
        # Skip the results of the statements before it.
        for _ in range(3 if self.also else 2):
            self.nextset()
        return self

    def executemany(self, query: Any, params_seq: Iterable[Any], **options: Any) -> None:
        """Run the statement once for each set of parameters."""
        for params in params_seq:
            self.execute(query, params, **options)

    def copy(self, *args: Any, **options: Any) -> NoReturn:
        """Raise NotSupportedError: COPY can't set the scope."""
        raise NotSupportedError("COPY bypasses the tenant wall. Read page by page instead.")

    def stream(self, *args: Any, **options: Any) -> NoReturn:
        """Raise NotSupportedError: a stream can't set the scope."""
        raise NotSupportedError("stream() bypasses the tenant wall. Read page by page instead.")


class ReadingCursor(TenantCursor):
    """For a replica, which takes writes after a failover. A setting of the session would not pass a pooler."""

    also: ClassVar[str] = "set local transaction_read_only = on; "


class DatabaseWrapper(_DatabaseWrapper):
    """The backend; `OPTIONS["tenant_wall"] = False` gives migrations, which run as the owner, a plain cursor."""

    commits = 0

    def get_connection_params(self) -> dict[str, Any]:
        """Return the connection's parameters, with the cursor class that sets the scope."""
        params: dict[str, Any] = super().get_connection_params()
        is_read_only = params.pop("read_only", False)
        if params.pop("tenant_wall", True):
            params["cursor_factory"] = ReadingCursor if is_read_only else TenantCursor
        return params

    def commit(self) -> None:
        """Commit. Raises DatabaseError for a failed transaction: the server would roll it back and report success."""
        if self.connection is not None and self.connection.info.transaction_status == TransactionStatus.INERROR:
            with self.wrap_database_errors:
                raise InFailedSqlTransaction("a statement of this transaction has failed before")
        super().commit()
        self.commits += 1

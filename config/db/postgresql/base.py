"""Django's PostgreSQL back end whose cursor names the tenant within each message it sends."""

from collections.abc import Iterable
from typing import Any, NoReturn

from django.db.backends.postgresql import base
from django.db.backends.utils import debug_transaction
from django.db.utils import NotSupportedError
from psycopg import sql
from psycopg.pq import TransactionStatus

from core import ahead

# Sent without the tenant: they touch no row, and one of them must work in a failed transaction.
_BARE = ("SAVEPOINT", "RELEASE", "ROLLBACK")


# Which class this is depends on the driver found at run time, so it has no type.
_Cursor: Any = base.Cursor
_Wrapper: Any = base.DatabaseWrapper


class TenantCursor(_Cursor):
    """Sends the scope and the statement as one message, so nothing is left behind in the pool.

    A path that forgot it fails closed: without the setting the policies match no row.
    """

    def execute(self, query: Any, params: Any = None, **options: Any) -> Any:
        """Run one statement within the current scope, after those that wait on the connection."""
        text = self._text(query, params)
        waiting = ahead.take_from(self.connection) or ahead.Ahead()
        if text.startswith("ROLLBACK"):  # to a savepoint, which stands before whatever still waits
            waiting = ahead.Ahead()
        if text and not text.startswith(_BARE):  # the pool asks with an empty one whether a connection lives
            waiting.enter()
        self._send(waiting, text, **options)
        return self

    def commit(self) -> None:
        """End the transaction by the message of what waits; after it where a result still has to be looked at."""
        waiting = ahead.take_from(self.connection)
        if waiting is None or waiting.is_empty:
            self.connection.commit()
        elif not waiting.checks:
            self._send(waiting, "commit")
        else:
            try:
                self._send(waiting, "select 1")
            except BaseException:
                # Django rolls back after an error of the database only.
                self.connection.rollback()
                raise
            self.connection.commit()

    def _text(self, query: Any, params: Any) -> str:
        if params is not None:
            merged: str = self.mogrify(query, params)
            return merged
        if isinstance(query, sql.Composable):
            return query.as_string(self.connection)
        return query.decode() if isinstance(query, bytes) else str(query)

    def _send(self, waiting: ahead.Ahead, text: str, **options: Any) -> None:
        try:
            super().execute("".join([*waiting.texts, text]), None, **options)
        except BaseException:
            if waiting.begins and self.connection.info.transaction_status == TransactionStatus.IDLE:
                # Not even that was run: whoever goes on must not do so outside of a transaction.
                ahead.begin_on(self.connection)
            raise
        if not waiting.texts:
            return
        for place, check in waiting.checks.items():
            self.set_result(place)
            check(self.rowcount)
        if text:
            self.set_result(len(waiting.texts))

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


class DatabaseWrapper(_Wrapper):
    """The back end; `OPTIONS["tenant_wall"] = False` gives the owner's plain cursor to migrations."""

    def get_connection_params(self) -> dict[str, Any]:
        """Return the connection's parameters, with the cursor class of the wall."""
        params: dict[str, Any] = super().get_connection_params()
        if params.pop("tenant_wall", True):
            params["cursor_factory"] = TenantCursor
        return params

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """Return a connection on which nothing waits, also when it comes from the pool."""
        raw = super().get_new_connection(conn_params)
        if raw.cursor_factory is TenantCursor:
            ahead.keep_on(raw)
        return raw

    def _start_transaction_under_autocommit(self) -> None:
        """Begin with the first statement, in its message; Django calls this where an atomic block begins."""
        if ahead.on(self.connection) is None:
            self._set_autocommit(False)
        else:
            ahead.begin_on(self.connection)

    def _commit(self) -> None:
        if self.connection is None:
            return
        if ahead.on(self.connection) is None:
            super()._commit()
            return
        with debug_transaction(self, "COMMIT"), self.wrap_database_errors, self.connection.cursor() as cursor:
            cursor.commit()

    def _rollback(self) -> None:
        if self.connection is not None:
            ahead.take_from(self.connection)
        super()._rollback()

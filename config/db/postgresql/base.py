"""Django's PostgreSQL back end whose cursor names the tenant within each message it sends."""

from collections.abc import Iterable, Sequence
from contextlib import nullcontext, suppress
from threading import get_ident
from typing import Any, NoReturn

from django.db.backends.postgresql import base
from django.db.backends.utils import debug_transaction
from django.db.utils import DatabaseError, NotSupportedError
from django.utils.asyncio import async_unsafe
from psycopg import Error, sql
from psycopg.errors import InFailedSqlTransaction, error_from_result
from psycopg.generators import execute
from psycopg.pq import ExecStatus, TransactionStatus
from psycopg.pq.abc import PGresult

from config.db.moments import with_moments
from core import ahead

# To look a value of these up in its enumeration costs more than to compare it.
_FATAL, _INERROR = ExecStatus.FATAL_ERROR, TransactionStatus.INERROR
# Sent without the tenant: they touch no row, and one of them must work in a failed transaction.
_BARE = ("SAVEPOINT", "RELEASE", "ROLLBACK")


# Which class this is depends on the driver found at run time, so it has no type.
_Cursor: Any = base.Cursor
_Wrapper: Any = base.DatabaseWrapper


class TenantCursor(_Cursor):
    """Sends the scope and the statement as one message, so nothing is left behind in the pool.

    A path that forgot it fails closed: without the setting the policies match no row.
    """

    own: Sequence[PGresult] = ()
    """The results of the last message without those of what went ahead."""

    def execute(self, query: Any, params: Any = None, **options: Any) -> Any:
        """Run one statement within the current scope, after those that wait on the connection."""
        text = self._text(query, params)
        if text.startswith("ROLLBACK"):  # to a savepoint, which stands before whatever waits or is under way
            _drop(self.connection)
        _hear(self.connection)
        waiting = ahead.take_from(self.connection) or ahead.Ahead()
        if text and not text.startswith(_BARE):  # the pool asks with an empty one whether a connection lives
            waiting.enter(self.connection)
        self._send(waiting, text, **options)
        return self

    def _text(self, query: Any, params: Any) -> str:
        if params is not None:
            merged: str = self.mogrify(query, params)
            return merged
        if isinstance(query, sql.Composable):
            return query.as_string(self.connection)
        return query.decode() if isinstance(query, bytes) else str(query)

    def _send(self, waiting: ahead.Ahead, text: str, **options: Any) -> None:
        message = _message(self.connection, waiting, text)
        try:
            super().execute(message, None, **options)
        except BaseException:
            _fail(self.connection, waiting)
            raise
        self.own = self._results[len(waiting.texts) :]
        _check(self.connection, waiting, self._results)
        if text and waiting.texts:
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
        """Return the connection's parameters, with the cursor class of the wall and its way to read moments."""
        params: dict[str, Any] = super().get_connection_params()
        if params.pop("tenant_wall", True):
            params["cursor_factory"] = TenantCursor
            params["context"] = with_moments(params["context"])
        return params

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """Return a connection on which nothing waits, also when it comes from the pool."""
        raw = super().get_new_connection(conn_params)
        if raw.cursor_factory is TenantCursor:
            ahead.keep_on(raw)
        return raw

    # These three are asked with every message: the usual answer comes first, by what makes it sure.

    def ensure_connection(self) -> None:
        """Connect where there is no connection."""
        if self.connection is None:
            super().ensure_connection()

    def close_if_health_check_failed(self) -> None:
        """Look once for each request whether the connection lives."""
        if not self.health_check_done:
            super().close_if_health_check_failed()

    def validate_thread_sharing(self) -> None:
        """Refuse other threads than the connection's own, unless it is shared."""
        if self._thread_ident != get_ident():
            super().validate_thread_sharing()

    def _set_autocommit(self, autocommit: bool) -> None:
        # Where BEGIN goes as a statement, the driver's own mode is never left: it need not be told of its end.
        if self.connection.autocommit != autocommit:
            super()._set_autocommit(autocommit)

    def _start_transaction_under_autocommit(self) -> None:
        """Begin with the first statement, in its message; Django calls this where an atomic block begins."""
        if ahead.on(self.connection) is None:
            self._set_autocommit(False)
        else:
            ahead.begin_on(self.connection)

    def exchange(self, text: str) -> Sequence[PGresult]:
        """Run statements as one message within the current scope, after those that wait; return the result of each.

        What a cursor does, at a fraction of its cost. Where somebody listens to what is run, a cursor does it.
        """
        return self.answer(self.ask(text))

    @async_unsafe
    def ask(self, text: str) -> ahead.Ahead:
        """Send what `exchange` does without waiting for its results, for `answer`.

        The database works while the caller goes on; the next message hears first what it says. Where
        somebody listens to what is run, it has been run when this returns.
        """
        self.close_if_health_check_failed()
        self.ensure_connection()
        if self.execute_wrappers or self.queries_logged or not self.connection.autocommit:
            with self.cursor() as cursor:
                cursor.execute(text)
                return ahead.Ahead(results=cursor.cursor.own)
        self.validate_thread_sharing()
        self.validate_no_broken_transaction()
        with self.wrap_database_errors:
            _hear(self.connection)
            waiting = ahead.take_from(self.connection) or ahead.Ahead()
            waiting.enter(self.connection)
            waiting.alone = not self.in_atomic_block
            _start(self.connection, waiting, text)
            return waiting

    @async_unsafe
    def answer(self, asked: ahead.Ahead) -> Sequence[PGresult]:
        """Return the result of each statement that was asked; an error that another message has heard is one here."""
        if asked.results is None:
            with self.wrap_database_errors:
                if ahead.sent_on(self.connection) is asked:
                    _hear(self.connection)
                if asked.problem is not None:
                    raise asked.problem
                if asked.results is None:
                    raise InFailedSqlTransaction("the message of this answer has failed before, or was undone")
        return asked.results

    def start(self) -> None:
        """Send what waits without waiting for its answer, so that the database works while the caller goes on.

        The next message hears the answer first. While the database is at work already, and where
        somebody listens to what is run, it goes along with that one.
        """
        waiting = ahead.on(self.connection)
        if waiting is None or waiting.is_empty or self.execute_wrappers or self.queries_logged:
            return
        if not self.connection.autocommit:  # then the driver begins a transaction, by a cursor
            return
        with self.wrap_database_errors:
            if _is_at_work(self.connection):
                return
            _hear(self.connection)
            _start(self.connection, ahead.take_from(self.connection) or waiting)

    def _commit(self) -> None:
        if self.connection is None:
            return
        if ahead.on(self.connection) is None:
            super()._commit()
            return
        try:
            with debug_transaction(self, "COMMIT") if self.queries_logged else nullcontext(), self.wrap_database_errors:
                _commit(self.connection)
        except DatabaseError:  # then Django rolls back
            raise
        except BaseException:
            self.rollback()
            raise

    def _savepoint_commit(self, sid: str) -> None:
        # Results that have to be looked at are, before the savepoint is gone that undoes them.
        try:
            if ahead.has_checks_on(self.connection):
                self.exchange("")
            super()._savepoint_commit(sid)
        except DatabaseError:  # then Django goes back to it
            raise
        except BaseException:
            self.savepoint_rollback(sid)
            raise

    def _rollback(self) -> None:
        if self.connection is not None:
            _drop(self.connection)
        super()._rollback()

    def _close(self) -> None:
        # The pool asks a connection whether it lives before it hands it out again: nothing may go along with that.
        if self.connection is not None:
            ahead.forget_on(self.connection)
        super()._close()


def _commit(raw: Any) -> None:
    """End the transaction by the message of what waits; after it where a result still has to be looked at."""
    _hear(raw)
    waiting = ahead.take_from(raw) or ahead.Ahead()
    if waiting.checks:
        _exchange(raw, waiting, "")
    if raw.pgconn.transaction_status == _INERROR:  # the server would roll back, and call it no error
        raise InFailedSqlTransaction("a statement of this transaction has failed before")
    if waiting.checks or waiting.is_empty:
        raw.commit()
    else:
        _exchange(raw, waiting, "commit")


def _exchange(raw: Any, waiting: ahead.Ahead, text: str) -> None:
    """Send what waits and the text as one message, and hear what becomes of it."""
    _start(raw, waiting, text)
    _hear(raw)


def _is_at_work(raw: Any) -> bool:
    """Whether the database has not said anything yet to what was started."""
    if ahead.sent_on(raw) is None:
        return False
    raw.pgconn.consume_input()
    return bool(raw.pgconn.is_busy())


def _start(raw: Any, waiting: ahead.Ahead, text: str = "") -> None:
    """Send what waits and the text; the results are heard before the next message."""
    message = _message(raw, waiting, text)
    try:
        raw.pgconn.send_query(message)
        raw.pgconn.flush()
    except BaseException:
        _fail(raw, waiting)
        raise
    ahead.send_on(raw, waiting)


def _message(raw: Any, waiting: ahead.Ahead, text: str) -> bytes:
    try:
        return "".join([*waiting.texts, text]).encode()
    except UnicodeEncodeError:  # nothing is sent, so what waits goes on waiting
        ahead.put_back_on(raw, waiting)
        raise


def _hear(raw: Any) -> None:
    """Hear and check what was started, if anything was: its results are kept with it, its error is raised here,
    unless that has harmed nothing and somebody will ask for it."""
    sent = ahead.sent_on(raw)
    if sent is not None:
        try:
            results = _heard(raw)
        except Error as problem:
            sent.problem = problem
            if sent.alone and raw.pgconn.transaction_status == TransactionStatus.IDLE:
                return
            raise
        _check(raw, sent, results)
        sent.results = results[len(sent.texts) :]


def _drop(raw: Any) -> None:
    """Let nothing wait or be under way any more, before all of it is undone: what became of it does not matter."""
    with suppress(Error):
        _heard(raw)
    ahead.take_from(raw)


def _heard(raw: Any) -> Sequence[PGresult]:
    sent = ahead.sent_on(raw)
    if sent is None:
        return []
    ahead.send_on(raw, None)
    try:
        with raw.lock:
            results: list[PGresult] = raw.wait(execute(raw.pgconn))
        # The server stops at the first statement that fails.
        if results[-1].status == _FATAL:
            raise error_from_result(results[-1])
    except BaseException:
        _fail(raw, sent)
        raise
    return results


def _check(raw: Any, waiting: ahead.Ahead, results: Sequence[PGresult]) -> None:
    try:
        for place, check in waiting.checks.items():
            check(ahead.taken_by(results[place]))
    except BaseException:
        _fail(raw, waiting)
        raise


def _fail(raw: Any, waiting: ahead.Ahead) -> None:
    """Let nothing be kept of a transaction, or of its savepoint, whose message failed: whoever goes on is refused.

    The server does so itself once a statement has failed; it knows nothing of a check that fails, or
    of a message that cannot be read, of which not even BEGIN was run.
    """
    status = raw.pgconn.transaction_status
    if status == TransactionStatus.INTRANS:
        ahead.fail_on(raw)
    elif status == TransactionStatus.IDLE and waiting.begins:
        ahead.begin_on(raw)
        if waiting.writes:
            ahead.fail_on(raw)

"""The two roles of the database: the application's keeps our time limits, the owner runs migrations without any."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from django.conf import settings
from django.db import InterfaceError, OperationalError, connection
from psycopg import sql

from core.errors import Unavailable
from core.observability.logging import get_logger

log = get_logger(__name__)


def set_time_limits() -> None:
    """Set the limits of `settings.DATABASE_LIMITS` for the application's role in this database.

    They count for sessions that begin later, also behind a pooler, which refuses such options of a client. A role
    may set its own. Does nothing while the connection is the owner's, whose migrations have no limit.
    """
    if not connection.settings_dict["OPTIONS"].get("tenant_wall", True):
        return
    with connection.cursor() as cursor:
        # The ORM has no roles, and utility statements take no parameters.
        cursor.execute("select session_user, current_database()")
        role, database = (sql.Identifier(name) for name in cursor.fetchone())
        for name, value in settings.DATABASE_LIMITS.items():
            limit = sql.Identifier(name), sql.Literal(f"{int(value.total_seconds() * 1000)}ms")
            cursor.execute(sql.SQL("alter role {} in database {} set {} = {}").format(role, database, *limit))


def allow_long_statements() -> None:
    """Lift the limit of statements until the commit, for work that no one waits for, such as sweeps."""
    with connection.cursor() as cursor:
        # The ORM has no settings.
        cursor.execute("set local statement_timeout = 0")


def explain(problem: Exception) -> Unavailable | None:
    """Return the error for callers if the database is away or has stopped a statement, else None; log it."""
    cause = problem.__cause__
    if isinstance(cause, psycopg.errors.LockNotAvailable):
        log.warning("lock_wait_stopped", exc_info=problem)
        return Unavailable("Someone else is changing this right now. Try again in a moment.", code="busy")
    if isinstance(cause, psycopg.errors.QueryCanceled):
        log.warning("statement_stopped", exc_info=problem)
        return Unavailable("This took too long and was stopped. Try again later, or ask for less.", code="too_slow")
    if isinstance(problem, OperationalError | InterfaceError) or isinstance(
        cause, psycopg.errors.IdleInTransactionSessionTimeout
    ):
        log.error("database_away", exc_info=problem)
        return Unavailable("The database is not available.")
    return None


def owner_settings() -> dict[str, Any]:
    """Return the connection settings of the owner: its login, without tenant wall and pool."""
    owner: dict[str, Any] = dict(settings.DATABASE_OWNER)
    # Also where the owner logs in as the application does, whose role has time limits.
    unlimited = " ".join(f"-c {name}=0" for name in settings.DATABASE_LIMITS)
    given = f"-c walker.migrate=on {unlimited}"
    options = {**owner.get("OPTIONS", {}), "tenant_wall": False, "options": given}
    return {**owner, "OPTIONS": options}


@contextmanager
def as_owner() -> Iterator[None]:
    """Reconnect the default connection as the owner inside the block."""
    before = dict(connection.settings_dict)
    connection.close()
    owner = owner_settings()
    keep = {"NAME": before["NAME"]}
    connection.settings_dict.update({**owner, **keep})
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict.update(before)

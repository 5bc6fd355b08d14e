"""What goes ahead of a statement in its message: the scope, a BEGIN, and writes whose results nobody needs at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

from psycopg.pq import ExecStatus, TransactionStatus
from psycopg.pq.abc import PGresult

from core.tenancy.scope import Scope, current_scope

_PLACE: Final = "_walker_ahead"
_SENT: Final = "_walker_sent"
_ROLES: Final = "_walker_names_roles"
_BEGIN: Final = "begin;"
_NAMING: Final = "set local "
# To look a value of these up in its enumeration costs more than to compare it.
TUPLES_OK, _IDLE = ExecStatus.TUPLES_OK, TransactionStatus.IDLE
_FAILED: Final = "do $$begin raise 'this transaction has failed before' using errcode = '25P02'; end$$;"
Check = Callable[[int], None]


@lru_cache(maxsize=1024)
def _naming(scope: Scope) -> tuple[str, str]:
    """Return the statements that tell the database a scope, for this message or transaction only."""
    role = "walker_platform" if scope.kind == "platform" else "none"
    tenant = str(scope.tenant_id) if scope.tenant_id else ""
    return f"{_NAMING}walker.tenant = '{tenant}';", f"{_NAMING}role {role};"


@dataclass(slots=True)
class Ahead:
    """Statements in their order, as text; each is one result of the message that takes them along."""

    texts: list[str] = field(default_factory=list)
    checks: dict[int, Check] = field(default_factory=dict)
    scope: Scope | None = None
    results: Sequence[PGresult] | None = None
    """Of what was sent behind them, once that is heard."""
    alone: bool = False
    """Whether it was a question outside of a transaction: then its error is that of who asked, and of nobody else."""
    problem: Exception | None = None

    @property
    def is_empty(self) -> bool:
        """Whether nothing was asked of the database: a transaction that has only begun has not."""
        return not self.texts or self.texts == [_BEGIN]

    @property
    def begins(self) -> bool:
        """Whether a transaction is begun by it."""
        return self.texts[:1] == [_BEGIN]

    @property
    def writes(self) -> bool:
        """Whether there is more than a BEGIN and a scope."""
        return not all(text.startswith((_BEGIN, _NAMING)) for text in self.texts)

    def add(self, raw: Any, text: str, check: Check | None = None) -> None:
        """Put one statement of the current scope at the end; `check` is called with the number of rows it took."""
        self.enter(raw)
        if check is not None:
            self.checks[len(self.texts)] = check
        self.texts.append(f"{text};")

    def enter(self, raw: Any) -> None:
        """Name the current scope for what follows, unless it is that of what stands before.

        Its role too where the platform's may be in force: from the first time that it is named on the
        driver's connection, whatever becomes of that, until a transaction begins.
        """
        scope = current_scope()
        if scope is self.scope:
            return
        self.scope = scope
        tenant, role = _naming(scope)
        self.texts.append(tenant)
        if scope.kind == "platform":
            setattr(raw, _ROLES, True)
        if getattr(raw, _ROLES, True):
            self.texts.append(role)


def keep_on(raw: Any) -> None:
    """Let statements wait on a driver's connection that has just been opened or taken from the pool."""
    setattr(raw, _PLACE, Ahead())
    send_on(raw, None)


def on(raw: Any) -> Ahead | None:
    """Return what waits on a driver's connection; None where nothing may wait."""
    found: Ahead | None = getattr(raw, _PLACE, None)
    return found


def begin_on(raw: Any) -> None:
    """Begin a transaction with the next message."""
    setattr(raw, _PLACE, Ahead([_BEGIN]))
    if raw.pgconn.transaction_status == _IDLE:  # no role that was named is in force any more
        setattr(raw, _ROLES, False)


def take_from(raw: Any) -> Ahead | None:
    """Return what waits, and let nothing wait any more."""
    found = on(raw)
    if found is not None and found.texts:
        setattr(raw, _PLACE, Ahead())
        return found
    return None


def put_back_on(raw: Any, waiting: Ahead) -> None:
    """Let wait again what was taken and not sent."""
    setattr(raw, _PLACE, waiting)


def fail_on(raw: Any) -> None:
    """Let the next message fail, and with it the transaction; a rollback drops that like all that waits."""
    waiting = on(raw)
    if waiting is not None:
        waiting.texts.append(_FAILED)


def forget_on(raw: Any) -> None:
    """Let nothing wait on a driver's connection that is closed or given back to the pool."""
    if on(raw) is not None:
        setattr(raw, _PLACE, None)


def send_on(raw: Any, sent: Ahead | None) -> None:
    """Note what is under way on a driver's connection and not answered yet."""
    setattr(raw, _SENT, sent)


def sent_on(raw: Any) -> Ahead | None:
    """Return what is under way on a driver's connection and not answered yet."""
    found: Ahead | None = getattr(raw, _SENT, None)
    return found


def has_checks_on(raw: Any) -> bool:
    """Whether results are still to be looked at, of what waits or is under way."""
    return any(each is not None and each.checks for each in (on(raw), sent_on(raw)))


def taken_by(result: PGresult) -> int:
    """Return how many rows a statement took or found."""
    return result.ntuples if result.status == TUPLES_OK else result.command_tuples or 0

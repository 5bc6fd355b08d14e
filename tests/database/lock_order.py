"""Record in which order transactions lock the heads of streams and of the audit chain, and what breaks the one order.

`core.events.publish` says which it is. Only transactions of the product count: a test's own, in which it calls several
services, is none. A head that is locked already is not waited for again, and what is rolled back is not held.
"""

import sys
from types import FrameType, TracebackType
from typing import Any, Final

from django.db import connections
from django.db.backends.signals import connection_created
from django.db.transaction import Atomic

from core.tenancy.scope import current_scope
from tests.structure.source import APPS

AUDIT: Final = "~audit"
"""Sorts after the name of every stream."""
OF_TESTS: Final = frozenset({"tests", "demo", "bench", "django", "pytest_django"})
PLACES: Final = 6
_broken: list[str] = []
_begin, _end = Atomic.__enter__, Atomic.__exit__


class Locks:
    """What a connection's transaction holds; `blocks` are how much that was when each began, None for a test's own."""

    def __init__(self) -> None:
        self.blocks: list[int | None] = []
        self.held: list[tuple[Any, str]] = []


def watch() -> None:
    """Watch every connection from now on."""
    connection_created.connect(_watch_connection)
    Atomic.__enter__, Atomic.__exit__ = _enter, _exit  # type: ignore[method-assign]


def take_broken() -> list[str]:
    """Return what broke the order since the last call."""
    found, _broken[:] = _broken.copy(), []
    return found


def _watch_connection(connection: Any, **_: Any) -> None:
    if _note not in connection.execute_wrappers:
        connection.execute_wrappers.append(_note)


def _locks_of(connection: Any) -> Locks:
    found: Locks = connection.__dict__.setdefault("locks_in_order", Locks())
    return found


def _enter(block: Atomic) -> None:
    _begin(block)
    locks = _locks_of(connections[block.using or "default"])
    is_inside = any(mark is not None for mark in locks.blocks)
    locks.blocks.append(len(locks.held) if is_inside or _begun_by(sys._getframe(1)) not in OF_TESTS else None)


def _exit(
    block: Atomic, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
) -> None:
    connection = connections[block.using or "default"]
    locks = _locks_of(connection)
    begun = locks.blocks.pop()
    if all(mark is None for mark in locks.blocks):
        locks.held.clear()
    elif begun is not None and (kind is not None or connection.needs_rollback):
        del locks.held[begun:]
    _end(block, kind, error, trace)


def _begun_by(frame: FrameType | None) -> str:
    """Return the app that begins a transaction; `contextlib` does so for decorated functions and stacks."""
    while frame is not None and frame.f_globals.get("__name__") == "contextlib":
        if frame.f_code.co_name == "inner":
            return str(frame.f_locals["func"].__module__).partition(".")[0]
        frame = frame.f_back
    return str(frame.f_globals.get("__name__")).partition(".")[0] if frame else ""


def _note(execute: Any, sql: Any, params: Any, many: bool, context: dict[str, Any]) -> Any:
    result = execute(sql, params, many, context)
    if isinstance(sql, str) and ("core_audithead" in sql or "core_streamhead" in sql):
        _check(_locks_of(context["connection"]), _heads_in(sql, params))
    return result


def _heads_in(sql: str, params: Any) -> list[str]:
    """Return the heads that a statement locks, in its order."""
    if "core_audithead" in sql:
        return [AUDIT] if "FOR UPDATE" in sql else []
    before, found, _ = sql.partition("on conflict")
    if "insert into core_streamhead" not in before or not found:
        return []
    if isinstance(params, dict):
        return ["conversation:"]  # a customer's message: the statement itself finds the conversation
    return [str(params[4 * number + 2]) for number in range(before.count("(%s, %s, %s, %s)"))]


def _check(locks: Locks, heads: list[str]) -> None:
    if all(mark is None for mark in locks.blocks):
        return
    tenant = current_scope().tenant_id
    for head in heads:
        if (tenant, head) in locks.held:
            continue
        later = [name for whose, name in locks.held if whose == tenant and name > head]
        if later:
            _broken.append(f"{_kind(head)} after {_kind(later[0])}: {_places()}")
        locks.held.append((tenant, head))


def _kind(head: str) -> str:
    return head.partition(":")[0].removeprefix("~")


def _places() -> str:
    """Return the functions of the product that led here."""
    frame: FrameType | None = sys._getframe(1)
    found: list[str] = []
    while frame is not None:
        module = str(frame.f_globals.get("__name__"))
        if module.partition(".")[0] in APPS:
            found.append(f"{module}.{frame.f_code.co_name}:{frame.f_lineno}")
        frame = frame.f_back
    return " < ".join([place for place in found if not place.startswith("core.events.streams")][:PLACES])

"""Calls at the same moment in processes of their own: nothing is shared but the database and the outside."""

import os
import pickle
import traceback
import warnings
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from django.db import connection

from core.errors import WalkerError
from core.tenancy.scope import current_tenant_id, tenant_scope

_inherited: list[Any] = []


def in_processes(calls: Sequence[Callable[[], object]]) -> list[object]:
    """Run each call in a process of its own, all starting together; refusals in words are results."""
    here, ready = os.pipe()
    begin, go = os.pipe()
    children = [_start(call, ready, begin) for call in calls]
    for _ in calls:
        assert os.read(here, 1), "a process died before it began"
    os.write(go, b"!" * len(calls))
    results = [_result(*child) for child in children]
    for end in (here, ready, begin, go):
        os.close(end)
    return results


def _start(call: Callable[[], object], ready: int, begin: int) -> tuple[int, int]:
    """Return the process and where its result comes out."""
    read, write = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of threads that the child does not have
        child = os.fork()
    if child == 0:
        try:
            _run(call, ready, begin, write)
        except BaseException:  # noqa: BLE001  (boundary: the child's last words)
            traceback.print_exc()
        finally:
            os._exit(1)
    os.close(write)
    return child, read


def _run(call: Callable[[], object], ready: int, begin: int, write: int) -> NoReturn:
    # The parent's connection is the parent's: it is let go of, not closed.
    _inherited.append(connection.connection)
    connection.connection = None
    connection.ensure_connection()
    os.write(ready, b"!")
    os.read(begin, 1)
    try:
        with tenant_scope(current_tenant_id()):
            found = call()
    except WalkerError as error:
        found = error
    with os.fdopen(write, "wb") as out:
        pickle.dump(found, out)
    os._exit(0)


def _result(child: int, read: int) -> object:
    with os.fdopen(read, "rb") as out:
        answer = out.read()
    _, status = os.waitpid(child, 0)
    assert status == 0, "a call failed with more than a refusal"
    found: object = pickle.loads(answer)  # noqa: S301  (of our own child)
    return found

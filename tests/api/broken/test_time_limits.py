"""Statements, lock waits and idle transactions of the application end, and callers read a sentence with 503."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.conf import settings
from django.db import DatabaseError, connection, transaction
from django.test import Client

from core.db.roles import allow_long_statements, as_owner, explain
from core.models import AuditHead
from core.tenancy.scope import tenant_scope
from tests.api.office import Office

pytestmark = pytest.mark.django_db(transaction=True)
REVEAL = {"fields": ["contact"], "reason": "I have to call back."}


def _shown(name: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(f"show {name}")
        return str(cursor.fetchone()[0])


@contextmanager
def _session(name: str, value: str) -> Iterator[None]:
    """Shorten a limit for this test's connection."""
    with connection.cursor() as cursor:
        cursor.execute(f"set {name} = '{value}'")
    try:
        yield
    finally:
        connection.close()


@contextmanager
def _locked_audit(office: Office) -> Iterator[None]:
    """Let another connection hold the end of the organisation's audit chain, which each change needs."""
    is_held, is_over = threading.Event(), threading.Event()

    def hold() -> None:
        with tenant_scope(office.world.acme.pk), transaction.atomic():
            AuditHead.objects.select_for_update().get()
            is_held.set()
            is_over.wait(30)
        connection.close()

    thread = threading.Thread(target=hold)
    thread.start()
    is_held.wait(10)
    try:
        yield
    finally:
        is_over.set()
        thread.join()


def test_application_has_limits_and_the_owner_of_the_tables_has_none() -> None:
    assert [_shown(name) for name in settings.DATABASE_LIMITS] == ["5min", "100s", "10min"]  # ten times the default
    with as_owner():
        assert [_shown(name) for name in settings.DATABASE_LIMITS] == ["0", "0", "0"]


@pytest.mark.slow
@pytest.mark.parametrize(("limit", "code", "says"), [
    ("lock_timeout", "busy", "Someone else is changing this right now."),
    ("statement_timeout", "too_slow", "This took too long and was stopped."),
])  # fmt: skip
def test_statement_at_a_limit_is_503_with_a_sentence(
    live_office: Office, client: Client, limit: str, code: str, says: str
) -> None:
    client.force_login(live_office.world.people["compliance"], backend="accounts.backends.RoleBackend")
    caller = live_office.caller("compliance")
    with _locked_audit(live_office), _session(limit, "300ms"):
        answer = caller.post("reveals/", {"object": f"contact:{live_office.ids['contact']}", **REVEAL})
        page = f"/admin/conversations/conversation/{live_office.ids['conversation']}/reveal/"
        shown = client.post(page, {"fields_wanted": ["contact"], "reason": REVEAL["reason"]})
    assert (answer.status_code, answer.json()["code"], answer.headers["Retry-After"]) == (503, code, "5")
    assert (shown.status_code, shown.headers["Retry-After"]) == (503, "5")
    assert says in answer.json()["detail"]
    assert says in shown.content.decode()


@pytest.mark.slow
def test_transaction_left_open_is_ended_and_explained() -> None:
    @transaction.atomic
    def wait_inside() -> None:
        _shown("lock_timeout")
        time.sleep(0.5)
        _shown("lock_timeout")

    with _session("idle_in_transaction_session_timeout", "100ms"):
        with pytest.raises(DatabaseError) as ended:
            wait_inside()
        problem = explain(ended.value)
    assert problem is not None
    assert problem.status == 503


def test_work_that_no_one_waits_for_may_take_longer() -> None:
    with _session("statement_timeout", "100ms"), transaction.atomic(), connection.cursor() as cursor:
        allow_long_statements()
        cursor.execute("select pg_sleep(0.3)")

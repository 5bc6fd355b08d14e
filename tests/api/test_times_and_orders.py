"""Lists narrowed by time and put in order: half-open, in stable pages, by an index, and clear about bad input."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from analytics.models import Export
from conversations import services as talk
from conversations.models import Survey
from core import notices
from core.clock import now
from core.models import DeadLetter
from core.tenancy.scope import tenant_scope
from tests.api.office import Caller, Office
from tests.world import OPERATOR

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
DATED = [
    ("approvals/", "created", "created_at"),
    ("approvals/", "decided", "decided_at"),
    ("conversations/", "created", "created_at"),
    ("conversations/", "last_message", "last_message_at"),
    ("conversations/{conversation}/messages/", "created", "created_at"),
    ("contacts/", "created", "created_at"),
    ("consents/", "recorded", "recorded_at"),
    ("agent-runs/", "created", "created_at"),
    ("tool-calls/", "created", "created_at"),
    ("surveys/", "answered", "answered_at"),
    ("suggested-replies/", "created", "created_at"),
    ("exports/", "created", "created_at"),
    ("notices/", "created", "created_at"),
    ("audit/", "at", "at"),
    ("dead-letters/", "parked", "parked_at"),
]
ORDERED = [
    ("conversations/", "last_message_at"),
    ("conversations/", "created_at"),
    ("contacts/", "created_at"),
    ("agent-runs/", "created_at"),
    ("tool-calls/", "created_at"),
    ("surveys/", "answered_at"),
    ("audit/", "seq"),
]
INDEXES = {
    ("approvals/", "created"): "approvals_by_day",
    ("approvals/", "decided"): "approvals_decided_by_day",
    ("conversations/", "created"): "conversations_by_day",
    ("conversations/", "last_message"): "conversations_by_activity",
    ("contacts/", "created"): "contacts_by_day",
    ("consents/", "recorded"): "consents_by_day",
    ("agent-runs/", "created"): "runs_by_day",
    ("tool-calls/", "created"): "tool_calls_by_day",
    ("surveys/", "answered"): "surveys_answered",
    ("audit/", "at"): "audit_by_day",
}


def fill(office: Office) -> Caller:
    """Add rows behind each list, and return a caller who may read them all."""
    caller = office.caller("owner")
    decider = office.caller("approver")
    for number in range(3):
        conversation = office.write_in(value=f"+34 600 123 45{number}")
        office.run(conversation)
        office.write_in(f"Once more {number}")
        made = office.propose(f"More {number}")
        said = decider.post(f"approvals/{made.pk}/reject/", {"digest": made.digest, "reason": "Not now."})
        assert said.status_code == 200, said.content
        told = {"address": f"+1555555010{number}", "purpose": "marketing", "state": "given"}
        assert caller.post("consents/", told).status_code == 201
        with tenant_scope(office.world.acme.pk):
            DeadLetter.objects.create(kind="agent_run", ref=UUID(int=number), error="Stopped.")
            Survey.objects.create(conversation_id=conversation, rating=number + 1, answered_at=now())
            talk.suggest_reply(actor=OPERATOR, conversation_id=conversation, text="Within 60 days.", reason="asked")
            notices.leave(people=[office.ids["owner"]], kind="approval", title=f"BR-{number}", link="/admin/")
            Export.objects.create(
                source="events", format="csv", since=now(), until=now(), requested_by_id=office.ids["owner"]
            )
    return caller


def pages(caller: Caller, path: str, **query: Any) -> list[Any]:
    """Return the rows of all pages of two rows each."""
    page = caller.get(path, limit=2, **query)
    assert page.status_code == 200, page.content
    found = page.json()["results"]
    while page.json()["next"]:
        page = caller.next(page)
        found += page.json()["results"]
    return found


def check_times(office: Office, caller: Caller) -> None:
    """Read what lies between the first row and the last, and turn the pages from the second on."""
    for shape, name, column in DATED:
        path = shape.format(**office.ids)
        rows = sorted(
            (row for row in caller.get(path, limit=100).json()["results"] if row[column]), key=lambda r: r[column]
        )
        assert len(rows) > 2, path
        first, end = rows[0][column], rows[-1][column]
        wanted = [row["id"] for row in rows if first <= row[column] < end]
        with CaptureQueriesContext(connection) as queries:
            answer = caller.get(path, limit=100, **{f"{name}_after": first, f"{name}_before": end})
        assert sorted(row["id"] for row in answer.json()["results"]) == sorted(wanted), (path, name)
        assert not any("count(" in query["sql"].lower() for query in queries)
        query = {f"{name}_after": rows[1][column]}
        turned = [row["id"] for row in pages(caller, path, **query)] if "messages" not in path else []
        assert turned in ([], [row["id"] for row in reversed(rows) if row[column] >= rows[1][column]]), (path, name)


def test_lists_are_narrowed_half_open_by_time_and_keep_their_order_over_pages(office: Office) -> None:
    caller = fill(office)
    check_times(office, caller)
    check_orders(office, caller)


def check_orders(office: Office, caller: Caller) -> None:
    """Walk lists in both directions while a row is added."""
    for path, column in ORDERED:
        for is_last_first in (False, True):
            page = caller.get(path, limit=3, ordering="-" * is_last_first + column)
            seen = page.json()["results"]
            if is_last_first:
                office.run(office.write_in("New", value=f"+34 600 999 1{ORDERED.index((path, column))}1"))
            while page.json()["next"]:
                page = caller.next(page)
                seen += page.json()["results"]
            values = [row[column] for row in seen]
            assert values == sorted(values, reverse=is_last_first), (path, column)
            assert len({row["id"] for row in seen}) == len(seen) > 3, (path, column)
        if column != "seq":
            address = (
                caller.get(path, limit=1, ordering=column)
                .json()["next"]
                .replace(f"ordering={column}", f"ordering=-{column}")
            )
            wrong = caller.client.get(address, headers=caller.headers)
            assert (wrong.status_code, list(wrong.json()["fields"])) == (400, ["cursor"])


def test_bounded_list_is_read_by_the_index_of_the_time(office: Office) -> None:
    caller = office.caller("owner")
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off; SET LOCAL enable_sort = off")
    for (path, name), index in INDEXES.items():
        bounds = {f"{name}_after": "2026-05-01", f"{name}_before": "2026-06-01T00:00:00+02:00"}
        with CaptureQueriesContext(connection) as queries:
            assert caller.get(path, **bounds).status_code == 200
        [read] = [query["sql"] for query in queries if "2026-05-01" in query["sql"] and "LIMIT 51" in query["sql"]]
        with tenant_scope(office.world.acme.pk), connection.cursor() as cursor:
            cursor.execute("EXPLAIN " + read[read.index("SELECT") :])
            plan = "\n".join(line for (line,) in cursor.fetchall())
        assert f"Index Scan Backward using {index}" in plan or f"Index Scan using {index}" in plan, plan


@pytest.mark.parametrize(
    "text",
    [
        "yesterday",
        "2026-13-01",
        "2026-05-01T00:00:00",
        "2026-05-01T00:00:00 02:00",
        "20260501",
        "1",
        "2026-05-01T25:00:00Z",
    ],
)
@pytest.mark.parametrize("path", ["conversations/", "contacts/"])
def test_time_that_is_none_is_refused_with_what_to_write(office: Office, path: str, text: str) -> None:
    answer = office.caller("owner").get(path, created_before=text)
    assert (answer.status_code, list(answer.json()["fields"])) == (400, ["created_before"])
    assert "2026-05-01T00:00:00Z" in answer.json()["fields"]["created_before"][0]


def test_bounds_that_nothing_lies_between_orders_and_filters_that_do_not_exist_are_refused(office: Office) -> None:
    caller, day = office.caller("owner"), now() + timedelta(days=1)
    for path, name, _column in DATED:
        wrong = {f"{name}_after": day.isoformat(), f"{name}_before": day.isoformat()}
        answer = caller.get(path.format(**office.ids), **wrong)
        assert (answer.status_code, list(answer.json()["fields"])) == (400, [f"{name}_before"]), path
        far = {f"{name}_after": "0001-01-01T00:00:00+14:00", f"{name}_before": "9999-12-31T23:59:59-14:00"}
        assert caller.get(path.format(**office.ids), **far).status_code == 200, path
    for path, _column in ORDERED:
        assert list(caller.get(path, ordering="name").json()["fields"]) == ["ordering"]
    assert list(caller.get("agents/", ordering="name").json()["fields"]) == ["ordering"]
    assert list(caller.get("workflows/", created_after="2026-05-01").json()["fields"]) == ["created_after"]

"""Exports: masked, sealed, bounded, resumable, in clear only by four eyes, gone after a week and after an erasure."""

from __future__ import annotations

import csv
import json
import tempfile
from datetime import datetime, timedelta
from io import BytesIO, StringIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zipfile import ZipFile

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Notice
from analytics import tasks
from analytics.exports import downloads, jobs, work, writers
from analytics.exports.erasure import _exports
from analytics.exports.jobs import State
from analytics.exports.sources import SOURCES, Column
from analytics.models import Export, ExportPiece
from conversations.contacts.known_people import set_contact_fields
from conversations.custom_fields.definitions import FieldSettings, create_custom_field
from conversations.inbox.custom_values import set_conversation_fields
from conversations.messages.file_contents import list_removals_due, remove_file
from conversations.models import ChannelAccount, Contact, Conversation
from core import clock
from core.clock import now
from core.errors import Conflict, Invalid, NotFound, Refused, TooMany
from core.models import AuditEntry
from core.privacy import sealed_files
from core.privacy.retention.services import apply_rule
from core.reliability import lease
from core.tenancy.scope import tenant_scope
from tests.console.scene import NAME, PHONE, add_workflow, ask, write_in
from tests.edge.object_store import KEY, open_store
from tests.world import World

pytestmark = pytest.mark.django_db
FORMULA = '=HYPERLINK("http://evil.example")'


@pytest.fixture
def desk(acme: World) -> World:
    """A conversation and a request that both hold personal data."""
    line = ChannelAccount.objects.create(kind="whatsapp", provider="twilio", name=FORMULA, address="+34900000000")
    write_in(line, "Hello")
    add_workflow(acme)
    ask(acme, params={"campaign": "Call ana@customer.example"})
    return acme


def request(world: World, role: str = "admin", **more: Any) -> Export:
    given = {"source": "conversations", "format": "csv", "since": now() - timedelta(days=1), "until": now()}
    return jobs.request_export(actor=world.actor(role), wanted=jobs.Wanted(**{**given, **more}))


def written(export: Export) -> Export:
    work.write_export(export_id=export.pk)
    export.refresh_from_db()
    return export


def content(world: World, export: Export, role: str = "admin") -> bytes:
    return b"".join(downloads.download_export(actor=world.actor(role), list_export_id=export.pk).parts)


def table(raw: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(StringIO(raw.decode("utf-8-sig"), newline="")))


def sheet(raw: bytes) -> str:
    with ZipFile(BytesIO(raw)) as packed:
        return packed.read("xl/worksheets/sheet1.xml").decode()


@pytest.mark.parametrize("source", ["conversations", "approvals"])
@pytest.mark.parametrize("format", ["csv", "xlsx", "jsonl"])
def test_no_personal_value_is_in_a_file_and_no_formula_runs(desk: World, source: str, format: str) -> None:
    export = written(request(desk, source=source, format=format))
    assert (export.state, export.written, export.total, export.ending) == (State.DONE, 1, 1, format)
    raw = content(desk, export)
    text = sheet(raw) if format == "xlsx" else raw.decode("utf-8-sig")
    assert len(raw) == export.size
    for value in (NAME, PHONE, PHONE.replace(" ", ""), "ana@customer.example"):
        assert value not in text
    if source == "conversations":
        contact = Contact.objects.get()
        assert contact.shown_name in text
    if (source, format) == ("conversations", "csv"):
        assert table(raw)[0]["channel_name"] == f"'{FORMULA}"
    if (source, format) == ("conversations", "xlsx"):
        assert "<f>" not in text
        assert "=HYPERLINK" in text
    # At rest nobody reads it without the file's own key, and that is sealed with the tenant's.
    (piece,) = ExportPiece.objects.all()
    assert b"whatsapp" not in bytes(piece.content)
    actions = list(AuditEntry.objects.filter(object_id=export.pk).order_by("seq").values_list("action", flat=True))
    assert actions == ["EXPORT_REQUESTED", "EXPORT_WRITTEN", "EXPORT_DOWNLOADED"]
    assert Notice.objects.filter(person=desk.people["admin"], title="Your export is ready").count() == 1


@pytest.mark.slow
def test_export_in_clear_needs_a_second_person_and_a_reason(desk: World) -> None:
    with pytest.raises(Invalid, match="reason"):
        request(desk, in_clear=True)
    export = request(desk, in_clear=True, reason="The regulator asks for it")
    assert export.state == State.WAITING
    work.write_export(export_id=export.pk)
    export.refresh_from_db()
    assert (export.state, ExportPiece.objects.count()) == (State.WAITING, 0)
    assert Notice.objects.filter(person=desk.people["compliance"], title__contains="second person").count() == 1
    decide = {"list_export_id": export.pk, "reason": "Checked with legal"}
    with pytest.raises(Refused, match="own export"):
        jobs.grant_export(actor=desk.actor("admin"), **decide)
    with pytest.raises(Refused):
        jobs.grant_export(actor=desk.actor("approver"), **decide)
    with pytest.raises(Refused, match="signed in"):
        jobs.grant_export(actor=desk.actor("compliance").limited_to(desk.actor("compliance").permissions), **decide)
    with pytest.raises(NotFound), tenant_scope(desk.globex.pk):
        jobs.grant_export(actor=desk.outsider("compliance"), **decide)
    jobs.grant_export(actor=desk.actor("compliance"), **decide)
    with pytest.raises(Conflict):
        jobs.refuse_export(actor=desk.actor("owner"), **decide)
    (row,) = table(content(desk, written(export)))
    assert (row["contact"], PHONE.replace(" ", "") in row["addresses"].replace(" ", "")) == (NAME, True)
    with pytest.raises(Refused, match="Only the person"):
        content(desk, export, "compliance")
    facts = AuditEntry.objects.get(action="EXPORT_CLEAR_GRANTED").facts
    assert "regulator" not in json.dumps(facts)
    refused = request(desk, in_clear=True, reason="The regulator asks again")
    jobs.refuse_export(actor=desk.actor("compliance"), list_export_id=refused.pk, reason="Not this time")
    late = request(desk, in_clear=True, reason="The regulator asks again")
    tasks.close_exports()
    with clock.at(now() + timedelta(days=1, minutes=1)):
        tasks.close_exports()
    late.refresh_from_db()
    assert (late.state, late.error) == (State.REFUSED, "unanswered")


@pytest.mark.slow
def test_custom_fields_are_masked_where_they_are_personal_unless_a_second_person_agreed(desk: World) -> None:
    talk, support = Conversation.objects.get(), desk.actor("support")
    for subject, key, is_personal in (("contact", "passport", True), ("conversation", "order", False)):
        create_custom_field(
            actor=desk.actor("admin"), subject=subject, key=key, kind="text", is_personal=is_personal,
            settings=FieldSettings(name=key.title()),
        )  # fmt: skip
    set_contact_fields(actor=support, contact_id=talk.contact_id, values={"passport": "X123"})
    set_conversation_fields(actor=support, conversation_id=talk.pk, values={"order": "AB-7"})
    clear = request(desk, in_clear=True, reason="The regulator asks for it")
    jobs.grant_export(actor=desk.actor("compliance"), list_export_id=clear.pk, reason="Checked with legal")
    for export, passport in ((request(desk), "•••"), (clear, "X123")):
        (row,) = table(content(desk, written(export)))
        assert (row["custom_fields"], row["contact_fields"]) == ("Order: AB-7", f"Passport: {passport}")


@pytest.mark.slow
def test_bad_requests_are_refused_with_a_word_and_nothing_is_stored(
    desk: World, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong: list[tuple[str, dict[str, Any]]] = [
        ("ends before", {"since": now(), "until": now() - timedelta(days=1)}),
        ("at most 731 days", {"since": now() - timedelta(days=7300)}),
        ("no rows", {"since": now() - timedelta(days=9), "until": now() - timedelta(days=8)}),
        ("filters", {"filters": {"state": "on fire"}}),
        ("filters", {"filters": {"password": "x"}}),
        ("formats", {"format": "exe"}),
    ]
    for words, given in wrong:
        with pytest.raises(Invalid) as caught:
            request(desk, **given)
        assert words in f"{caught.value.detail} {caught.value.facts}"
    monkeypatch.setattr(writers.importlib.util, "find_spec", lambda *_: None)  # type: ignore[attr-defined]
    with pytest.raises(Invalid, match="extra package"):
        request(desk, format="parquet")
    with pytest.raises(NotFound):
        request(desk, source="passwords")
    for role in ("viewer", "support", "approver"):
        with pytest.raises(Refused):
            request(desk, role)
    settings.EXPORT_ROWS = 0
    with pytest.raises(Invalid, match="more than 0 rows"):
        request(desk)
    assert Export.objects.count() == 0
    settings.EXPORT_ROWS = 10
    for _ in range(jobs.OPEN_AT_ONCE):
        request(desk)
    with pytest.raises(TooMany):
        request(desk)


def fill(count: int) -> None:
    line, contact = ChannelAccount.objects.get(), Contact.objects.get()
    moment = now() - timedelta(hours=2)
    Conversation.objects.bulk_create(
        Conversation(
            channel_account=line, contact=contact, state="closed", resolved=True, closed_at=moment, created_at=moment,
            thread=str(number),
        )
        for number in range(count)
    )  # fmt: skip


@pytest.mark.slow
def test_pages_cost_the_same_and_rows_of_one_moment_are_neither_lost_nor_twice(
    desk: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(50)
    monkeypatch.setattr(work, "AT_ONCE", 7)
    export = request(desk)
    with CaptureQueriesContext(
        connection,
    ) as seen:
        written(export)
    keys = [row["id"] for row in table(content(desk, export))]
    assert (len(keys), len(set(keys))) == (51, 51)
    assert set(keys) == {str(key) for key in Conversation.objects.values_list("pk", flat=True)}
    pages = [query for query in seen if 'conversations_conversation"."created_at" ASC' in query["sql"]]
    assert len(pages) == 9  # eight with rows, and an empty one
    assert len(seen) <= 9 * 4 + 40


def test_sheets_are_full_at_their_limit_and_parts_are_packed(tmp_path: Path) -> None:
    sink = BytesIO()
    columns = [Column("n", "whole"), Column("text"), Column("at", "moment"), Column("ok", "flag")]
    writer = writers.SheetWriter(sink, columns, tmp_path, most=3)
    at = datetime.fromisoformat("2026-11-24T08:00:00+01:00")
    lines = [{"n": number, "text": f"\x07{FORMULA}" + "x" * 40_000, "at": at, "ok": True} for number in range(7)]
    writer.write(lines[:5])
    writer.write(lines[5:])
    writer.close()
    assert writer.ending == "zip"
    with ZipFile(BytesIO(sink.getvalue())) as parts:
        assert parts.namelist() == ["part-1.xlsx", "part-2.xlsx", "part-3.xlsx"]
        counts = [sheet(parts.read(name)).count("<row ") for name in parts.namelist()]
    assert counts == [4, 4, 2]  # with their headings
    assert writers.MOST_IN_SHEET == 2**20 - 1


@pytest.mark.slow
def test_killed_worker_is_taken_over_and_the_slow_one_changes_nothing(
    desk: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    fill(20)
    monkeypatch.setattr(work, "AT_ONCE", 5)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))  # others on this machine have folders of their own
    export = request(desk)
    read = SOURCES.get("conversations").lines
    calls = iter(range(100))

    def dying(rows: Any, *, in_clear: bool) -> Any:
        if next(calls) == 2:
            raise MemoryError
        return read(rows, in_clear=in_clear)

    monkeypatch.setattr(SOURCES.get("conversations"), "lines", dying)
    with pytest.raises(MemoryError):
        work.write_export(export_id=export.pk)
    export.refresh_from_db()
    assert (export.state, work.is_writing(), work.list_due()) == (State.RUNNING, True, [])
    assert work.write_export(export_id=export.pk) is None  # its lease is not over
    with clock.at(now() + work.LEASE + timedelta(seconds=1)):
        assert work.list_due() == [(desk.acme.pk, export.pk)]
        assert written(export).state == State.DONE
    assert len(table(content(desk, export))) == 21

    slow = request(desk)

    def overtaken(rows: Any, *, in_clear: bool) -> Any:
        Export.objects.filter(pk=slow.pk).update(attempts=9, fence=9)
        return read(rows, in_clear=in_clear)

    monkeypatch.setattr(SOURCES.get("conversations"), "lines", overtaken)
    assert work.write_export(export_id=slow.pk) is None
    slow.refresh_from_db()
    assert (slow.state, slow.size) == (State.RUNNING, 0)
    Export.objects.filter(pk=slow.pk).update(lease_until=now())
    assert work.write_export(export_id=slow.pk) is None
    slow.refresh_from_db()
    assert (slow.state, slow.error) == (State.FAILED, "interrupted")
    assert not [path for path in tmp_path.glob(f"{work.PREFIX}*") if any(path.iterdir())]


def test_store_that_fails_puts_back_only_an_export_that_is_still_being_written(desk: World) -> None:
    for state, left in ((State.RUNNING, State.QUEUED), (State.EXPIRED, State.EXPIRED)):
        export = work._claim(request(desk).pk, now())
        assert export is not None
        Export.objects.filter(pk=export.pk).update(state=state)
        work._again_or_fail(export, "store")
        export.refresh_from_db()
        assert export.state == left


def test_erasure_takes_an_export_away_from_its_worker(desk: World) -> None:
    export = work._claim(request(desk).pk, now())
    assert export is not None
    person = SimpleNamespace(erasure=SimpleNamespace(round_at=None))
    _exports(person, "", 10)  # type: ignore[arg-type]
    with pytest.raises(work.Lost):
        work._keep(export, written=1)
    assert lease.lost(export)
    assert work._claim(export.pk, now()) is not None


@pytest.mark.slow
def test_cancelled_one_stops_and_someone_who_lost_the_right_gets_nothing(desk: World) -> None:
    export = request(desk)
    with pytest.raises(Refused, match="Only the person"):
        jobs.cancel_export(actor=desk.actor("owner"), list_export_id=export.pk)
    jobs.cancel_export(actor=desk.actor("admin"), list_export_id=export.pk)
    assert work.write_export(export_id=export.pk) is None
    with pytest.raises(Conflict, match="cancelled"):
        content(desk, export)
    other = request(desk)
    desk.people["admin"].memberships.update(role="viewer")
    assert written(other).error == "not_allowed"
    assert Notice.objects.filter(person=desk.people["admin"], title="Your export failed").exists()


@pytest.mark.slow
def test_file_is_kept_for_a_week_here_or_in_a_store_outside(desk: World, settings: Any) -> None:
    export = written(request(desk))
    with open_store() as store:
        settings.FILE_STORE, settings.FILE_STORE_KEY = f"{store.url}/files", ":".join(KEY)
        outside = written(request(desk))
        piece = ExportPiece.objects.get(export=outside)
        assert (piece.content, piece.store) == (None, "bucket")
        key = sealed_files.key_of(piece.pk)
        assert b"whatsapp" in content(desk, outside)
        with clock.at(now() + work.KEPT + timedelta(minutes=1)):
            assert apply_rule("exports") == 2
        assert ExportPiece.objects.count() == 0
        with clock.at(now() + work.KEPT + timedelta(minutes=5)):
            ((_, removal),) = list_removals_due()
            assert remove_file(removal_id=removal)
        with pytest.raises(sealed_files.StoreFailed):
            sealed_files.store_of("bucket").get(key)
    for row in (export, outside):
        row.refresh_from_db()
        assert (row.state, row.file_key) == (State.EXPIRED, None)
    with pytest.raises(Conflict, match="removed"):
        content(desk, export)


def test_other_organisations_see_nothing(desk: World) -> None:
    export = written(request(desk))
    with tenant_scope(desk.globex.pk):
        with pytest.raises(NotFound):
            downloads.download_export(actor=desk.outsider(), list_export_id=export.pk)
        assert list(jobs.query_exports(viewer=desk.outsider())) == []

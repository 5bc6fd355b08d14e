"""An export of a person: all of theirs and nothing of others, by two people, whole or not at all."""

from __future__ import annotations

import json
from io import BytesIO
from typing import Any
from zipfile import ZipFile

import jsonschema
import pytest
from allauth.account.models import EmailAddress

from accounts.models import Membership, RevealGrant, User
from accounts.privacy.reveals import reveal
from analytics.exports import jobs
from analytics.exports.jobs import State
from analytics.exports.people import subjects
from analytics.exports.people.archive import SCHEMA
from analytics.exports.people.requests import export_contact, export_member
from analytics.models import Export, ExportPiece, PersonRequest
from analytics.person_requests.requests import OBJECT, WORDS, close_request, extend_request, open_for_contact
from conversations.contacts import erasure
from conversations.inbox.custom_values import set_conversation_fields
from conversations.inbox.threads import notes
from conversations.models import Attachment, Contact, ContactTag, Message
from core.clock import now
from core.errors import Conflict, Invalid, NotFound, Refused
from core.models import AuditEntry
from core.privacy.erasure import disclosure
from core.privacy.erasure.person import ERASED
from core.privacy.erasure.registry import readings, tables
from core.tenancy.scope import tenant_scope
from integrations.mail.services import queue_mail
from integrations.mail.types import NewMail
from tests.analytics.exports.test_exports import content, written
from tests.erasure.scene import MAIL, NAME, OTHER_WORDS, PHONE, PHRASE, Traces
from tests.erasure.searching import found

pytestmark = pytest.mark.slow
REASON = "Asked by letter of 3 November"
CODE = "493817 confirms a payment"


def granted(traces: Traces, export: Export) -> Export:
    jobs.grant_export(actor=traces.world.actor("owner"), list_export_id=export.pk, reason="Checked the letter")
    return export


def of_contact(traces: Traces) -> Export:
    return granted(
        traces,
        export_contact(actor=traces.world.actor("compliance"), contact_id=traces.contact_id, reason=REASON),
    )


def archive_of(traces: Traces, export: Export) -> ZipFile:
    done = written(export)
    assert (done.state, done.error, done.ending) == (State.DONE, "", "zip")
    return ZipFile(BytesIO(content(traces.world, done, "compliance")))


def document_in(archive: ZipFile) -> Any:
    document = json.loads(archive.read("person.json"))
    jsonschema.validate(document, json.loads(archive.read(SCHEMA.name)))
    return document


def test_archive_has_all_of_the_person_and_masks_others(traces: Traces) -> None:
    world = traces.world
    colleague = world.people["approver"].get_full_name()
    with tenant_scope(world.acme.pk):
        text = f"{colleague} says {NAME} also writes from {OTHER_WORDS[1]}"
        notes.add_note(actor=world.actor("support"), conversation_id=traces.conversation_id, text=text)
        known = {"conversation": f"{PHRASE} for {colleague}, also {OTHER_WORDS[1]}"}
        set_conversation_fields(actor=world.actor("support"), conversation_id=traces.conversation_id, values=known)
        ContactTag.objects.create(contact_id=traces.contact_id, name="<script>alert(1)</script>")
        Message.objects.filter(conversation_id=traces.conversation_id).update(metadata={"code": CODE})
        export = of_contact(traces)
        with archive_of(traces, export) as archive:
            document, page = document_in(archive), archive.read("index.html").decode()
            names, file = archive.namelist(), Attachment.objects.get()
            assert names == [SCHEMA.name, "person.json", "index.html", f"files/{file.pk}.txt"]
            assert archive.read(names[-1]).decode() == PHRASE
    told = json.dumps(document, ensure_ascii=False)
    for read in (told, page):
        assert [word for word in (NAME, PHONE, MAIL, PHRASE) if word not in read] == []
        assert [word for word in (*OTHER_WORDS, colleague, CODE) if word in read] == []
    assert ("<script" in page, "&lt;script&gt;" in page) == (False, True)
    sections = {(each["table"], each["title"]): each["rows"] for each in document["sections"]}
    (looked,) = sections["core.AuditEntry", "Which roles had your data shown in clear"]
    assert (looked["role"], looked["facts"]["fields"]) == ("compliance", ["contact"])
    (noted,) = sections["conversations.CustomValue", "Personal data that was noted about you and your conversations"]
    assert noted["value"] == f"{NAME} of {MAIL}"
    wanted = (
        "conversations.Note hitl.Approval hitl.Decision agents.ToolCall agents.ContactFact integrations.MailDelivery"
    )
    assert set(wanted.split()) <= {table for table, _title in sections}
    assert document["recipients"][0]["what"].startswith("Messages by WhatsApp")
    assert all(each["purpose"] and each["kept"] for each in document["sections"])
    with tenant_scope(world.acme.pk):
        entries = AuditEntry.objects.filter(object_id=export.pk).order_by("seq")
        actions = list(entries.values_list("action", flat=True))
        facts = json.dumps(list(entries.values_list("facts", flat=True)))
    assert actions == ["EXPORT_REQUESTED", "EXPORT_CLEAR_GRANTED", "EXPORT_WRITTEN", "EXPORT_DOWNLOADED"]
    assert [word for word in (NAME, PHONE, MAIL, "letter") if word in facts] == []


def test_each_column_that_holds_the_person_is_in_the_archive_or_has_a_reason(traces: Traces) -> None:
    acme, words = traces.world.acme.pk, (NAME, PHONE, MAIL)
    with tenant_scope(acme):
        held = found(acme, words)
        with archive_of(traces, of_contact(traces)) as archive:
            sections = document_in(archive)["sections"]
    erased = {f"{table.model}.{name}" for table in tables() for name in table.erased.split()}
    reasons = {f"{each.model}.{name}" for each in readings() for names in each.unread for name in names.split()}
    shown = {
        each["table"]
        for each in sections
        if any(word in json.dumps(each["rows"], ensure_ascii=False) for word in words)
    }
    places = (held & erased) - reasons
    assert len(places) > 15, sorted(held)
    assert {place for place in places if place.rpartition(".")[0] not in shown} == set()


def test_export_of_a_former_member_lets_nobody_in_and_names_no_customer_of_theirs(traces: Traces) -> None:
    world, person, password = traces.world, traces.world.people["support"], "a-hash-of-the-password"
    with tenant_scope(world.acme.pk):
        User.objects.filter(pk=person.pk).update(password=password, last_name="Leaver")
        Membership.objects.filter(user=person).update(is_active=False)
        EmailAddress.objects.create(user=person, email=person.email, verified=True, primary=True)
        link = "https://desk.example/reset/a-secret-of-the-link"
        queue_mail(NewMail(recipient=person.email, key="in", type="note", subject="Sign in", text=f"Open {link} now"))
        seat = Membership.objects.get(user=person)
        export = export_member(actor=world.actor("compliance"), membership_id=seat.pk, reason=REASON)
        with archive_of(traces, granted(traces, export)) as archive:
            document = document_in(archive)
    told = json.dumps(document, ensure_ascii=False)
    assert [word for word in (person.email, "Leaver", "https://desk.example/…") if word not in told] == []
    assert [word for word in ("a-secret-of-the-link", password, PHONE, MAIL) if word in told] == []
    assert "account.EmailAddress" in {each["table"] for each in document["sections"]}
    wrote = [each for each in document["sections"] if each["table"].startswith("conversations.")]
    assert {"conversations.Message", "conversations.Note", "conversations.Draft"} <= {each["table"] for each in wrote}
    assert NAME not in json.dumps(wrote, ensure_ascii=False)


def test_only_two_people_who_may_erase_make_one(traces: Traces) -> None:
    world = traces.world
    ask: dict[str, Any] = {"contact_id": traces.contact_id, "reason": REASON}
    with tenant_scope(world.acme.pk):
        for role in ("admin", "support", "viewer"):
            with pytest.raises(Refused):
                export_contact(actor=world.actor(role), **ask)
        with pytest.raises(Invalid, match="reason"):
            export_contact(actor=world.actor("owner"), **{**ask, "reason": "x"})
        seat = Membership.objects.get(user=world.people["support"])
        with pytest.raises(NotFound):
            export_member(actor=world.actor("owner"), membership_id=traces.contact_id, reason=REASON)
        export = export_contact(actor=world.actor("compliance"), **ask)
        assert (written(export).state, ExportPiece.objects.count()) == (State.WAITING, 0)
        for role, why in (("compliance", "own export"), ("admin", None)):
            with pytest.raises(Refused, match=why):
                jobs.grant_export(actor=world.actor(role), list_export_id=export.pk, reason="Checked the letter")
        other = Contact.objects.exclude(pk=traces.contact_id).first()
        assert other is not None
        # The audit log has who it was allowed for: a row that was changed since is not written.
        Export.objects.filter(pk=granted(traces, export).pk).update(filters={"contact": str(other.pk)})
        assert (written(export).error, ExportPiece.objects.count()) == ("not_granted", 0)
        Contact.objects.filter(pk=other.pk).update(merged_into=traces.contact_id)
        with pytest.raises(Conflict) as merged:
            export_contact(actor=world.actor("owner"), contact_id=other.pk, reason=REASON)
        assert merged.value.facts["contact_id"] == str(traces.contact_id)
    with tenant_scope(world.globex.pk):
        with pytest.raises(NotFound):
            export_contact(actor=world.outsider("owner"), **ask)
        with pytest.raises(NotFound):
            export_member(actor=world.outsider("owner"), membership_id=seat.pk, reason=REASON)


def test_person_who_is_erased_or_merged_meanwhile_leaves_nothing_half(
    traces: Traces,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with tenant_scope(traces.world.acme.pk):
        other = Contact.objects.exclude(pk=traces.contact_id).first()
        assert other is not None
        read = disclosure.values_of

        def merging(*given: Any) -> Any:
            Contact.objects.filter(pk=other.pk).update(merged_into=traces.contact_id)
            return read(*given)

        with monkeypatch.context() as patch:
            patch.setattr(subjects, "values_of", merging)
            assert (written(of_contact(traces)).error, ExportPiece.objects.count()) == ("merged", 0)
        Contact.objects.filter(pk=other.pk).update(merged_into=None)
        done, late = written(of_contact(traces)), of_contact(traces)
        assert done.state == State.DONE
        erasure.erase_contact(actor=traces.officer(), contact_id=traces.contact_id, reason="asked_for")
        assert (written(late).error, ExportPiece.objects.exclude(export=done).count()) == ("erased", 0)
        with pytest.raises(Conflict, match="erased"):
            export_contact(actor=traces.world.actor("owner"), contact_id=traces.contact_id, reason=REASON)
        traces.erase()
        done.refresh_from_db()
        assert (done.state, done.file_key, ExportPiece.objects.count()) == (State.EXPIRED, None, 0)
        assert (done.reason, done.decision_reason) == ("", "")


def test_words_of_privacy_requests_are_exported_and_erased(traces: Traces) -> None:
    officer, today = traces.officer(), now().date()
    with tenant_scope(traces.world.acme.pk):
        asked = {"actor": officer, "received_on": today, "kind": "erasure"}
        wish = f"{NAME} wants nothing of {MAIL} kept, and nothing of {OTHER_WORDS[1]}"
        own = open_for_contact(**asked, contact_id=traces.contact_id, wish=wish)
        stranger = Contact.objects.create()
        other = open_for_contact(**asked, contact_id=stranger.pk, wish=f"The same as {NAME}")
        shown = {"object_type": OBJECT, "object_id": own.pk, "fields": [WORDS]}
        reveal(actor=officer, **shown, reason=f"To answer {NAME}")
        with archive_of(traces, of_contact(traces)) as archive:
            document = document_in(archive)
        (rows,) = [each["rows"] for each in document["sections"] if each["table"] == "analytics.PersonRequest"]
        (row,) = rows
        (looks,) = [each["rows"] for each in document["sections"] if each["title"] == "Why your data was shown"]
        assert [look["fields"] for look in looks] == [["contact"], [WORDS]]
        assert (row["kind"], NAME in row["wish"], OTHER_WORDS[1] in row["wish"]) == ("erasure", True, False)
        assert traces.erase().state == "done"
        assert RevealGrant.objects.get(object_id=own.pk).reason == ERASED
        kept = {row.pk: row.wish for row in PersonRequest.objects.all()}
        assert kept == {own.pk: "", other.pk: ERASED}
        # Nothing would remove what is written of them now.
        one = {"actor": officer, "person_request_id": own.pk}
        assert extend_request(**one, reason=f"{NAME} wrote a lot").extension_reason == ""
        closed = close_request(**one, outcome="fulfilled", answer=f"{NAME} was erased.")
        assert (closed.state, closed.answer, closed.contact_id) == ("fulfilled", "", traces.contact_id)
        assert close_request(actor=officer, person_request_id=other.pk, outcome="refused", answer="No.").answer == "No."

"""A contact is erased: nothing of the person is left anywhere, and nobody else loses a byte."""

import base64
from uuid import uuid4

import pytest
from redis import Redis

from channels_app.web_chat import conversation
from channels_app.web_chat.frames import SendMessage
from channels_app.webhooks import deliveries
from conversations import services as talk
from conversations.contacts import erasure, known_people
from conversations.inbox.threads import notes
from conversations.models import Contact, ContactPoint, Conversation, DeliveryAttempt, Message
from conversations.services import Draft, Sender
from conversations.types import SenderIdentity
from core.actors import Actor
from core.audit import chain
from core.errors import Conflict, Invalid, NotFound, Refused
from core.models import AuditEntry, Erasure
from core.privacy.erasure.services import take_unfinished
from core.tasks import erase_person
from core.tenancy.scope import tenant_scope
from hitl import services
from hitl.actions.base import Outcome
from hitl.execution.reconcile import resolve
from hitl.management.commands.verify_approvals import problems
from hitl.models import Approval
from tests.channels_app.email.test_mail_in import mail, open_mail_door
from tests.channels_app.meta_whatsapp import conftest as cloud
from tests.channels_app.twilio.conftest import Door, fields, post
from tests.console.scene import Budget
from tests.erasure.scene import (
    DOOR,
    MAIL,
    NAME,
    OTHER_WORDS,
    PHONE,
    PHRASE,
    WORDS,
    Traces,
    chat_on_the_page,
    contact_called,
    finish,
    sign,
    stranger_elsewhere,
    strong,
)
from tests.erasure.searching import found, found_in_redis, rows_about

pytestmark = pytest.mark.slow


def test_nothing_of_the_person_is_left_anywhere(traces: Traces, redis_client: Redis) -> None:
    acme = traces.world.acme.pk
    planted = found(acme, WORDS)
    assert len(planted) > 25, sorted(planted)
    traces.erase()
    assert found(acme, WORDS) == set()
    assert found_in_redis(redis_client, WORDS) == set()


def test_others_lose_no_byte(traces: Traces) -> None:
    acme, globex = traces.world.acme.pk, traces.world.globex.pk
    stranger_elsewhere(traces.world)
    before = rows_about(acme, OTHER_WORDS), rows_about(globex, WORDS)
    assert all(before)
    traces.erase()
    assert (rows_about(acme, OTHER_WORDS), rows_about(globex, WORDS)) == before


def test_audit_stays_whole_and_tells_counts_only(traces: Traces) -> None:
    traces.erase()
    with tenant_scope(traces.world.acme.pk):
        assert chain.verify().ok
        assert list(problems()) == []
        told = AuditEntry.objects.get(action="contact.erased").facts
    assert set(told) == {"person", "counts", "asked_by"}
    assert told["counts"]["messages"] == 2
    assert all(isinstance(count, int) for count in told["counts"].values())


def test_requests_keep_digest_and_state_and_show_that_they_were_erased(traces: Traces) -> None:
    traces.erase()
    with tenant_scope(traces.world.acme.pk):
        open_one, done = Approval.objects.get(pk=traces.approval.pk), Approval.objects.get(pk=traces.named.pk)
    assert [(row.state, row.payload, row.summary) for row in (open_one, done)] == [
        ("cancelled", {"erased": True}, "Erased"),
        ("executed", {"erased": True}, "Erased"),
    ]
    assert (open_one.digest, done.digest) == (traces.approval.digest, traces.named.digest)


def test_repeat_returns_the_same_and_changes_nothing(traces: Traces) -> None:
    first = traces.erase()
    with tenant_scope(traces.world.acme.pk):
        before = rows_about(traces.world.acme.pk, ("",))
        assert traces.erase().pk == first.pk
    assert rows_about(traces.world.acme.pk, ("",)) == before


def test_who_writes_again_is_a_new_contact(traces: Traces) -> None:
    traces.erase()
    door = Door(traces.world, None)  # type: ignore[arg-type]
    door.take("me again", 73, From=f"whatsapp:{PHONE}", ProfileName=NAME, WaId=PHONE[1:])
    with door.inside():
        again = contact_called(NAME)
        assert again.pk != traces.contact_id
        assert [message.body for message in Message.objects.filter(conversation__contact=again)] == ["me again"]


def test_late_repeat_of_an_old_webhook_is_still_none(traces: Traces) -> None:
    traces.erase()
    form = fields(PHRASE, 71, From=f"whatsapp:{PHONE}", ProfileName=NAME, WaId=PHONE[1:])
    assert post(form).status_code == 200
    assert found(traces.world.acme.pk, WORDS) == set()


def test_webhook_that_waits_is_not_worked_any_more(traces: Traces) -> None:
    post(fields(PHRASE, 74, From=f"whatsapp:{PHONE}", ProfileName=NAME, WaId=PHONE[1:]))
    traces.erase()
    Door(traces.world, None).take("x", 75)  # type: ignore[arg-type]
    assert found(traces.world.acme.pk, WORDS) == set()


def test_visitor_who_goes_on_writing_on_the_page_is_somebody_new(traces: Traces) -> None:
    conversation_id, guest = chat_on_the_page(traces.world, PHRASE)
    with tenant_scope(traces.world.acme.pk):
        old = Conversation.objects.get(pk=conversation_id)
        finish(erasure.erase_contact(actor=traces.officer(), contact_id=old.contact_id, reason="asked_for").pk)
        conversation.store_message(guest, SendMessage(id=uuid4(), message="me again"), "tests")
        new = Message.objects.get(masked_body="me again").conversation
        assert (new.pk != old.pk, new.contact_id != old.contact_id, new.contact.erased_at) == (True, True, None)


def test_worker_does_it_all_by_its_task(traces: Traces) -> None:
    with tenant_scope(traces.world.acme.pk):
        asked = erasure.erase_contact(actor=traces.officer(), contact_id=traces.contact_id, reason="asked_for")
    assert take_unfinished() == [(traces.world.acme.pk, asked.pk)]
    erase_person(str(traces.world.acme.pk), str(asked.pk))
    assert take_unfinished() == []
    assert found(traces.world.acme.pk, WORDS) == set()


def test_visitor_of_the_page_is_erased_too(traces: Traces) -> None:
    conversation_id, _ = chat_on_the_page(traces.world, PHRASE)
    with tenant_scope(traces.world.acme.pk):
        contact_id = Conversation.objects.get(pk=conversation_id).contact_id
        asked = erasure.erase_contact(actor=traces.officer(), contact_id=contact_id, reason="asked_for")
        finish(asked.pk)
        assert {m.body for m in Message.objects.filter(conversation_id=conversation_id)} == {"[erased]"}
        assert Conversation.objects.get(pk=conversation_id).state == "closed"


@pytest.mark.parametrize(
    ("role", "strength", "reason", "code"),
    [
        ("support", "mfa", "asked_for", "not_allowed"),
        ("admin", "mfa", "asked_for", "not_allowed"),
        ("compliance", "password", "asked_for", "weak_sign_in"),
        ("compliance", "mfa", f"because {NAME} wants it", "invalid"),
    ],
)
def test_erasing_is_refused(traces: Traces, role: str, strength: str, reason: str, code: str) -> None:
    actor = strong(traces.world.actor(role)) if strength == "mfa" else traces.world.actor(role)
    with tenant_scope(traces.world.acme.pk):
        with pytest.raises((Refused, Invalid)) as refused:
            erasure.erase_contact(actor=actor, contact_id=traces.contact_id, reason=reason)
        assert not Erasure.objects.exists()
    assert refused.value.code == code


def test_contact_of_another_tenant_is_like_an_absent_one(traces: Traces) -> None:
    outsider: Actor = strong(traces.world.outsider())
    with tenant_scope(traces.world.globex.pk), pytest.raises(NotFound):
        erasure.erase_contact(actor=outsider, contact_id=traces.contact_id, reason="asked_for")


def test_request_whose_outcome_nobody_knows_stands_in_the_way(traces: Traces, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Budget, "execute", lambda *_, **__: Outcome("unknown"))
    with tenant_scope(traces.world.acme.pk):
        sign(traces.world, traces.approval, "go")
        services.execute(traces.approval.pk)
        with pytest.raises(Conflict) as refused:
            erasure.erase_contact(actor=traces.officer(), contact_id=traces.contact_id, reason="asked_for")
        assert Contact.objects.get(pk=traces.contact_id).erased_at is None
    assert (refused.value.code, refused.value.facts["approvals"]) == ("in_the_way", [traces.approval.reference])


def test_what_starts_in_between_is_waited_for(traces: Traces, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Budget, "execute", lambda *_, **__: Outcome("unknown"))
    monkeypatch.setattr(Budget, "keyed", False)
    admin, approval = traces.world.actor("admin"), traces.approval
    with tenant_scope(traces.world.acme.pk):
        sign(traces.world, approval, "go")
        asked = erasure.erase_contact(actor=traces.officer(), contact_id=traces.contact_id, reason="asked_for")
        services.execute(approval.pk)
        finish(asked.pk)
        asked.refresh_from_db()
        assert (asked.state, asked.waits_for) == ("working", [approval.reference])
        said = {"reason": "Looked it up.", "evidence": "The journal."}
        resolve(actor=admin, approval_id=approval.pk, outcome="executed", **said)
        finish(asked.pk)
        asked.refresh_from_db()
    assert (asked.state, found(traces.world.acme.pk, WORDS)) == ("done", set())


def test_nothing_is_noted_about_an_erased_contact(traces: Traces) -> None:
    traces.erase()
    support = traces.world.actor("support")
    with tenant_scope(traces.world.acme.pk):
        with pytest.raises(Conflict):
            known_people.revise_contact(actor=support, contact_id=traces.contact_id, name=NAME)
        with pytest.raises(Conflict):
            notes.add_note(actor=support, conversation_id=traces.conversation_id, text=NAME)


def test_emails_of_the_person_go_and_do_not_come_back(traces: Traces) -> None:
    """From a proven and an unproven address, encoded in their bodies, worked or waiting."""
    inbox = open_mail_door(traces.world)
    proven = mail(PHRASE, From=f"{NAME} <{MAIL}>", Message_ID="<one@quill.example>")
    inbox.take(proven, dkim="{@quill.example : pass}")
    forged = mail(f"{PHRASE} ☂", From=f"{NAME} <other@quill.example>", Message_ID="<two@quill.example>")
    with tenant_scope(traces.world.acme.pk):
        other = SenderIdentity("email", "other@quill.example", False)
        talk.add_point(actor=DOOR, beside=SenderIdentity("email", MAIL), sender=other)
    inbox.take(forged, dkim="none", SPF="fail")
    inbox.post(mail(PHRASE, From=f"{NAME} <{MAIL}>", Message_ID="<three@quill.example>"))
    traces.erase()
    for raw in (proven, forged):
        inbox.take(raw)
    rows = [row for row in inbox.door.rows() if row.provider == "mail"]
    assert [(row.state, row.body, row.queue_key) for row in rows] == [("done", None, "erased")] * 3
    assert found(traces.world.acme.pk, WORDS) == set()


def test_ids_of_meta_hold_the_number_so_they_go_and_nothing_comes_back(traces: Traces) -> None:
    """As Meta makes them: the number of the customer, in Base64, in messages, answers and webhooks."""
    hidden = base64.b64encode(b"\x1c\x18\x0b" + PHONE[1:].encode()).decode()
    came, sent = f"wamid.{hidden}VQIAEhggAA==", f"wamid.{hidden}FQIAERgSAA=="
    account = cloud.connect(traces.world)
    document = cloud.wrap(cloud.change(messages=[{**cloud.message(sender=PHONE[1:]), "id": came}]))
    assert cloud.post(document).status_code == 200
    deliveries.dispatch_due_deliveries()
    with tenant_scope(traces.world.acme.pk):
        asked = Message.objects.get(channel_message_id=came)
        answer = talk.reply(
            actor=DOOR, conversation_id=asked.conversation_id, draft=Draft(text="Hello", sender=Sender(type="system"))
        )
        Message.objects.filter(pk=answer.pk).update(status="sent", channel_message_id=sent)
        DeliveryAttempt.objects.create(
            message=answer, number=1, outcome="succeeded", provider_id=sent, parts={"1": {"sent": sent}}
        )
    assert len(found(traces.world.acme.pk, (hidden,))) >= 2
    traces.erase()
    assert found(traces.world.acme.pk, (hidden,)) == set()
    assert cloud.post(document).status_code == 200
    deliveries.dispatch_due_deliveries()
    with tenant_scope(traces.world.acme.pk):
        assert Message.objects.filter(channel_account=account, direction="in").count() == 1
        assert not ContactPoint.objects.filter(contact__conversations__channel_account=account).exists()

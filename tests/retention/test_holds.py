"""A legal hold keeps what is held: from its age, from erasures, and at the moment it is placed."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from django.db import DatabaseError, transaction
from django.test import Client

from accounts.models import Membership
from accounts.privacy.erasure import erase_member
from conversations import services as talk
from conversations.contacts.erasure import erase_contact
from conversations.merges import merges
from conversations.models import Contact, Conversation, Message
from conversations.types import InboundMessage, SenderIdentity
from core.clock import now
from core.errors import Conflict, Invalid, NotFound, Refused
from core.models import AuditEntry, Erasure, LegalHold
from core.privacy.retention import holds, services
from core.tenancy.scope import tenant_scope
from hitl.models import Approval
from integrations.mail.retention import forget_rows
from integrations.models import MailDelivery
from tests.channels_app.twilio.conftest import Door
from tests.console.conftest import Browser
from tests.database.meanwhile import meanwhile
from tests.database.sealing import rewrite
from tests.erasure.scene import DOOR, NAME, PHONE, Traces
from tests.retention.conftest import Choose, make_old

pytestmark = pytest.mark.slow
CHOSEN = {"conversations": 365, "contacts": 365, "requests": 90, "agent_runs": 7}


def hold(traces: Traces, kind: str, subject: UUID | None = None) -> LegalHold:
    return holds.place_hold(actor=traces.officer(), subject_type=kind, subject_id=subject, reference="C 12/26")


@transaction.atomic
def hold_seen_by_all() -> bool:
    return holds.is_anything_held()


def texts(traces: Traces) -> set[str]:
    return set(Message.objects.filter(conversation=traces.conversation_id).values_list("masked_body", flat=True))


@pytest.mark.parametrize("kind", ["organisation", "contact", "conversation"])
def test_nothing_of_what_is_held_goes_until_it_is_lifted(traces: Traces, choose: Choose, kind: str) -> None:
    subject = {"contact": traces.contact_id, "conversation": traces.conversation_id}.get(kind)
    with tenant_scope(traces.world.acme.pk):
        make_old(traces)
        choose(traces.officer(), **CHOSEN)
        with transaction.atomic():
            named = Approval.objects.filter(pk=traces.named.pk)
            rewrite(named, moved_at=now() - timedelta(days=91), conversation_id=traces.conversation_id)
        placed = hold(traces, kind, subject)
        with pytest.raises(Conflict) as twice:
            hold(traces, kind, subject)
        assert twice.value.code == "on_hold"
        services.apply_all(seconds=60)
        assert texts(traces) != {"[erased]"}
        assert not Erasure.objects.exists()
        assert Approval.objects.get(pk=traces.named.pk).summary != "Erased"
        with pytest.raises(Conflict, match="legal hold") as refused:
            erase_contact(actor=traces.officer(), contact_id=traces.contact_id, reason="asked_for")
        assert refused.value.code == "on_hold"
        with pytest.raises(Refused):
            holds.lift_hold(actor=traces.world.actor("admin"), hold_id=placed.pk)
        for _ in range(2):
            holds.lift_hold(actor=traces.officer(), hold_id=placed.pk)
        services.apply_all(seconds=60)
        assert texts(traces) == {"[erased]"}
        assert Approval.objects.get(pk=traces.named.pk).summary == "Erased"
        assert Erasure.objects.get().subject_id == traces.contact_id
        told = AuditEntry.objects.filter(action__startswith="LEGAL_HOLD").order_by("seq")
        assert list(told.values_list("action", flat=True)) == ["LEGAL_HOLD_PLACED", "LEGAL_HOLD_LIFTED"]


def test_hold_on_everything_keeps_members_and_what_the_installation_lets_go(traces: Traces) -> None:
    with tenant_scope(traces.world.acme.pk):
        hold(traces, "organisation")
        member = Membership.objects.get(user=traces.world.people["support"])
        with pytest.raises(Conflict, match="legal hold"):
            erase_member(actor=traces.officer("owner"), membership_id=member.pk, reason="asked_for")
        MailDelivery.objects.update(due_at=None, status="sent")
        services.apply_all(seconds=60, now=now() + timedelta(days=31))
        assert not MailDelivery.objects.filter(text__isnull=True).exists()
    with tenant_scope(traces.world.globex.pk):
        assert holds.find_held() == holds.Held()


def test_hold_follows_a_contact_that_is_merged(traces: Traces, choose: Choose) -> None:
    with tenant_scope(traces.world.acme.pk):
        old = Conversation.objects.get(pk=traces.conversation_id)
        other = SenderIdentity("webchat", "the-other-visitor", display_name=NAME)
        said = talk.receive(actor=DOOR, inbound=InboundMessage(old.channel_account_id, other, text="Me too"))
        gone = said.conversation.contact_id
        hold(traces, "contact", gone)
        merges.merge_contacts(
            actor=traces.world.actor("support"), contact_id=gone, into_id=old.contact_id, reason="Same"
        )
        make_old(traces)
        choose(traces.officer(), conversations=365, contacts=365)
        services.apply_all(seconds=60)
        assert texts(traces) != {"[erased]"}
        assert not Erasure.objects.exists()
        with pytest.raises(Conflict, match="legal hold") as kept:
            merges.undo_merge(actor=traces.world.actor("support"), contact_id=gone)
        assert kept.value.code == "on_hold"
        LegalHold.objects.update(lifted_at=now())
        assert merges.undo_merge(actor=traces.world.actor("support"), contact_id=gone).undone_at is not None


def test_contacts_own_page_places_shows_and_lifts_a_hold(traces: Traces, browser: Browser) -> None:
    page = f"/admin/conversations/contact/{traces.contact_id}/"
    officer, support = browser("compliance"), browser("support")

    def shown(client: Client) -> str:
        return client.get(page).content.decode()

    assert "On legal hold" not in shown(officer)
    assert support.post(f"{page}hold/", {"reference": "C 12/26"}).status_code == 403
    assert officer.post(f"{page}hold/", {"reference": "Ms. O'Neill"}).status_code == 400
    assert officer.post(f"{page}hold/", {"reference": "C 12/26"}).status_code == 302
    with tenant_scope(traces.world.acme.pk):
        placed = LegalHold.objects.get()
        assert (placed.subject_id, placed.placed_by) == (traces.contact_id, traces.world.people["compliance"].pk)
        hold(traces, "conversation", traces.conversation_id)
    # The case is for who may see holds; that the contact is kept, and since when, for everybody who sees it.
    seen = shown(officer)
    assert ("On legal hold" in seen, "case C 12/26" in seen, "one of their conversations" in seen) == (True, True, True)
    seen = shown(support)
    assert ("On legal hold" in seen, "C 12/26" in seen, "those who may see legal holds" in seen) == (True, False, True)
    assert "on legal hold and can&#x27;t be erased" in officer.get(f"{page}erase/").content.decode()
    assert support.post(f"{page}lift-hold/", {"hold_id": str(placed.pk)}).status_code == 403
    assert officer.post(f"{page}lift-hold/", {"hold_id": str(placed.pk)}).status_code == 302
    assert "On one of their conversations" in shown(officer)  # which only the page of holds lifts
    with tenant_scope(traces.world.acme.pk):
        holds.lift_hold(actor=traces.officer(), hold_id=LegalHold.objects.get(lifted_at=None).pk)
        told = AuditEntry.objects.filter(action__startswith="LEGAL_HOLD").values_list("action", flat=True)
        assert sorted(told) == ["LEGAL_HOLD_LIFTED"] * 2 + ["LEGAL_HOLD_PLACED"] * 2
    assert "On legal hold" not in shown(officer)


def test_bad_holds_are_refused_in_words(traces: Traces) -> None:
    with tenant_scope(traces.world.acme.pk):
        place, ours = holds.place_hold, traces.contact_id
        for kind, subject, reference, problem in (
            ("contact", None, "C 1", Invalid),
            ("organisation", ours, "C 1", Invalid),
            ("everybody", None, "C 1", Invalid),
            ("contact", ours, "Anna <anna@x.example>", Invalid),
            ("contact", ours, "  ", Invalid),
            ("contact", uuid4(), "C 1", NotFound),
            ("conversation", ours, "C 1", NotFound),
        ):
            with pytest.raises(problem):
                place(actor=traces.officer(), subject_type=kind, subject_id=subject, reference=reference)
        traces.erase()
        with pytest.raises(Conflict, match="erased"):
            hold(traces, "contact", ours)
        with pytest.raises(Conflict, match="erased"):
            hold(traces, "conversation", traces.conversation_id)
    with tenant_scope(traces.world.globex.pk), pytest.raises(NotFound):
        place(actor=traces.world.outsider(), subject_type="contact", subject_id=ours, reference="C 1")


def test_database_empties_no_request_that_is_young_or_held(traces: Traces, choose: Choose) -> None:
    def is_refused(key: object) -> bool:
        try:
            with transaction.atomic():
                Approval.objects.filter(pk=key).update(payload={"erased": True})
                transaction.set_rollback(True)
        except DatabaseError:
            return True
        return False

    with tenant_scope(traces.world.acme.pk):
        key = traces.named.pk
        with transaction.atomic():
            rewrite(Approval.objects.filter(pk=key), moved_at=now() - timedelta(days=91))
        assert is_refused(key)  # nobody chose
        services.set_retention(actor=traces.officer(), kind="requests", days=90)
        assert is_refused(key)  # not yet
        choose(traces.officer(), requests=90)
        assert not is_refused(key)
        with transaction.atomic():
            rewrite(Approval.objects.filter(pk=key), moved_at=now() - timedelta(days=89))
        assert is_refused(key)
        with transaction.atomic():
            rewrite(Approval.objects.filter(pk=key), moved_at=now() - timedelta(days=91))
        hold(traces, "organisation")
        assert is_refused(key)


@pytest.mark.django_db(transaction=True)
def test_hold_reply_and_erasure_at_the_same_moment(committed_traces: Traces, choose: Choose) -> None:
    traces, acme = committed_traces, committed_traces.world.acme.pk
    with tenant_scope(acme):
        make_old(traces)
        choose(traces.officer(), conversations=365, contacts=365)
        # A batch has begun: the hold waits for it, and then keeps what is left.
        placed = meanwhile(acme, holds.lock_holds, lambda: hold(traces, "contact", traces.contact_id))
        assert placed.lifted_at is None
        services.apply_all(seconds=60)
        assert texts(traces) != {"[erased]"}
        LegalHold.objects.update(lifted_at=now())
        # What goes for all organisations at once waits for the hold as well.
        MailDelivery.objects.update(due_at=None, status="sent")
        later, mails = now() + timedelta(days=4000), MailDelivery.objects.count()
        assert meanwhile(acme, lambda: hold(traces, "organisation"), lambda: forget_rows(now=later)) == 0
        LegalHold.objects.update(lifted_at=now())
        assert meanwhile(acme, lambda: hold(traces, "organisation"), hold_seen_by_all) is True
        assert MailDelivery.objects.count() == mails > 0
        LegalHold.objects.update(lifted_at=now())

        def write() -> None:
            list(Contact.objects.select_for_update().filter(pk=traces.contact_id))
            Conversation.objects.filter(pk=traces.conversation_id).update(last_message_at=now())

        # Who lets idle contacts go looks again once nobody writes.
        assert meanwhile(acme, write, lambda: services.apply_rule("contacts")) == 0
        assert not Erasure.objects.exists()
        make_old(traces)

        def change() -> None:
            list(Conversation.objects.select_for_update().filter(pk=traces.conversation_id))

        # What somebody changes is left for the next time.
        assert meanwhile(acme, change, lambda: services.apply_rule("conversations")) == 0
        while services.apply_rule("conversations"):
            pass
        assert texts(traces) == {"[erased]"}
    Door(traces.world, None).take("me again", 80, From=f"whatsapp:{PHONE}", ProfileName=NAME, WaId=PHONE[1:])  # type: ignore[arg-type]
    with tenant_scope(traces.world.acme.pk):
        assert Message.objects.get(masked_body="me again").conversation.contact_id == traces.contact_id

"""The whole way with the sandbox mailbox: a mail out by HTTP, its events back through the real door."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from channels_app.email.connect import MailConnect, connect_mail
from channels_app.email.sendgrid.connect import open_inbound
from channels_app.webhooks import deliveries
from conversations import services
from conversations.messages import delivery
from conversations.models import ChannelAccount, Message
from conversations.services import Draft, Sender
from core.reliability import circuit_breaker
from core.tenancy.scope import tenant_scope
from hitl.models import Approval, Decision, Notification
from hitl.notifications import send
from hitl.services import create_workflow
from integrations.mail.services import deliver_mail, queue_mail
from integrations.mail.types import NewMail
from integrations.models import MailDelivery
from standins.mailbox import seed
from tests.console.scene import ask
from tests.edge.mailbox_fixture import API_KEY, VERIFICATION_KEY, Mailbox
from tests.edge.phone_fixture import SHARED, eventually
from tests.world import OPERATOR, World

pytestmark = pytest.mark.slow


@pytest.fixture
def desk(transactional_db: None, committed_world: World, mailbox: Mailbox) -> Iterator[World]:
    """Acme with its account at the mailbox, in Acme's scope."""
    circuit_breaker._breakers.clear()
    with tenant_scope(committed_world.acme.pk):
        account = connect_mail(
            actor=OPERATOR,
            name="Mail",
            from_address=seed.CAST["acme"][1],
            from_name="Acmé",
            api_key=API_KEY,
            event_public_key=VERIFICATION_KEY,
        )
        ChannelAccount.objects.filter(pk=account.pk).update(public_key=seed.door_key("acme"))
        open_inbound(
            actor=OPERATOR,
            account_id=account.pk,
            reply_domain=seed.inbound_domain("acme"),
            token=seed.inbound_token("acme", SHARED),
        )
        yield committed_world


def _send(recipient: str = "ana@customers.example", key: str = "k") -> MailDelivery:
    row = queue_mail(NewMail(type="t", recipient=recipient, subject="Hi", text="T", html="<p>H</p>", key=key))
    deliver_mail(row.pk)
    return MailDelivery.objects.get(pk=row.pk)


def _becomes(row: MailDelivery, check: Callable[[MailDelivery], Any]) -> MailDelivery:
    def look() -> Any:
        deliveries.dispatch_due_deliveries()
        return check(MailDelivery.objects.get(pk=row.pk))

    eventually(look)
    return MailDelivery.objects.get(pk=row.pk)


def test_mail_is_delivered_opened_and_clicked(desk: World, mailbox: Mailbox) -> None:
    row = _send()
    _becomes(row, lambda one: one.delivered_at)
    assert mailbox.fire(row.provider_message_id, "open") == 409
    for kind in ("open", "click"):
        assert mailbox.fire(row.provider_message_id, kind, force=True) == 202
    assert _becomes(row, lambda one: one.clicked_at).status == "clicked"


def test_mail_to_nobody_comes_back(desk: World, mailbox: Mailbox) -> None:
    row = _becomes(_send("bounce.me@customers.example"), lambda one: one.failed_at)
    assert (row.status, row.error) == ("bounced", "bounce")


def test_doubled_and_reversed_events_change_nothing(desk: World, mailbox: Mailbox) -> None:
    mailbox.behave(copies=3, reversed=True)
    row = _becomes(_send(), lambda one: one.delivered_at)
    eventually(lambda: len(mailbox.view()["batches"]) == 3)
    deliveries.dispatch_due_deliveries()
    assert (MailDelivery.objects.get(pk=row.pk).status, len(mailbox.mails())) == ("delivered", 1)


def test_mail_whose_answer_was_lost_is_settled_by_its_events(desk: World, mailbox: Mailbox) -> None:
    mailbox.script("POST /v3", "drop_after")
    row = _send()
    assert row.status == "unknown"
    assert _becomes(row, lambda one: one.delivered_at).status == "delivered"
    assert len(mailbox.mails()) == 1


def test_failure_script_delays_but_does_not_double(desk: World, mailbox: Mailbox) -> None:
    mailbox.script("POST /v3", "429", retry_after=1)
    row = _send()
    assert (row.status, row.error) == ("queued", "429")
    eventually(lambda: deliver_mail(row.pk) == "sent")
    assert len(mailbox.mails()) == 1


def test_wrong_key_fails_in_words(desk: World, mailbox: Mailbox) -> None:
    from core.errors import Invalid

    account = connect_mail(actor=OPERATOR, name="Mail", from_address="desk@acme.example", api_key="SG.wrong")
    with pytest.raises(Invalid, match="API key"):
        MailConnect.send_test(actor=OPERATOR, account_id=account.pk, to="me@acme.example")
    account.refresh_from_db()
    assert account.last_error == "401"


def test_sender_that_is_not_verified_is_refused(desk: World, mailbox: Mailbox) -> None:
    connect_mail(actor=OPERATOR, name="Mail", from_address="other@acme.example")
    row = _send()
    assert (row.status, row.error) == ("failed", "403")


def test_test_mail_is_a_row_and_arrives(desk: World, mailbox: Mailbox) -> None:
    account = ChannelAccount.objects.get(kind="email")
    MailConnect.send_test(actor=OPERATOR, account_id=account.pk, to="me@acme.example")
    assert (MailDelivery.objects.get().type, mailbox.mails()[0]["recipient"]) == ("test", "me@acme.example")


def _waits(world: World) -> tuple[Approval, Notification]:
    levels = [{"name": "Signature", "approvers": [{"type": "role", "value": "approver"}]}]
    create_workflow(actor=world.actor("owner"), name="All", levels=levels, is_default=True, notify_by=["email"])
    approval = ask(world, params={"campaign": "Small", "budget": "110.00"})
    return approval, Notification.objects.get(channel="email")


def test_link_of_a_mail_decides(desk: World, mailbox: Mailbox) -> None:
    approval, notice = _waits(desk)
    send.send_notification(notice.pk)
    row = MailDelivery.objects.get(ref=notice.pk)
    assert deliver_mail(row.pk) == "sent"
    link = re.search(rf"{settings.PUBLIC_URL}(/d/[\w-]{{43}}/)", str(mailbox.mails()[0]))
    assert link is not None
    assert link[1] not in row.text + row.html
    visitor = Client()
    visitor.get(link[1])
    visitor.post(link[1], {"verdict": "approve", "typed": approval.reference})
    approval.refresh_from_db()
    assert (approval.state, Decision.objects.get().channel) == ("approved", "email_link")


def _answer(world: World, message: Message) -> MailDelivery:
    """Answer a message and return the mail."""
    actor = world.actor("support")
    sent = services.reply(
        actor=actor,
        conversation_id=message.conversation_id,
        draft=Draft(text="We look into it.", sender=Sender(type="person")),
    )
    assert delivery.deliver(message_id=sent.pk) == "sent"
    return MailDelivery.objects.get(ref=sent.pk)


@pytest.mark.parametrize("parsed", [False, True])
def test_reader_writes_is_answered_and_replies_into_the_same_conversation(
    desk: World, mailbox: Mailbox, parsed: bool
) -> None:
    mailbox.behave(copies=2, parsed=parsed)
    assert mailbox.write("Größe?", subject="Schuhe – Grüße", html="<p>Größe?</p>") == 200
    deliveries.dispatch_due_deliveries()
    first = Message.objects.get(direction="in")
    assert (first.body, first.sender_verified) == ("Schuhe – Grüße\n\nGröße?", True)
    answer = _answer(desk, first)
    assert mailbox.mails()[0]["subject"] == "Re: Schuhe – Grüße"
    assert mailbox.write("Danke!", reply_to_mail=answer.provider_message_id) == 200
    _becomes(answer, lambda one: one.delivered_at)
    second = Message.objects.filter(direction="in").order_by("-id")[0]
    assert (second.conversation_id, second.body) == (first.conversation_id, "Danke!")
    assert "We look into it." in second.metadata["mail"]["quoted"]
    assert Message.objects.get(pk=answer.ref).status == "delivered"


def test_approval_by_mail_is_a_message_and_decides_nothing(desk: World, mailbox: Mailbox) -> None:
    approval, _ = _waits(desk)
    words = f"approve {approval.reference}"
    assert mailbox.write(words, sender=desk.people["approver"].email, subject=words) == 200
    deliveries.dispatch_due_deliveries()
    state = approval.state
    approval.refresh_from_db()
    assert Message.objects.get(direction="in").body.startswith("approve")
    assert (approval.state, Decision.objects.count()) == (state, 0)

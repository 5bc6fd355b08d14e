"""WhatsApp notices by Twilio, with the stand-in: code, link, reports, and the email instead."""

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.test import Client

from channels_app.approver_channels.whatsapp import numbers
from channels_app.approver_channels.whatsapp.notifier import CHANNEL
from channels_app.models import ProviderCall
from channels_app.webhooks import deliveries
from conversations.channel_accounts.templates import FoundTemplate
from conversations.models import ChannelAccount
from core.clock import now
from core.models import DeadLetter
from hitl.models import Decision, DecisionToken, Notification
from hitl.notification_channels import people_who_can_read_mail
from hitl.notifications.send import send_notification
from integrations.models import MailDelivery
from tests.channels_app.twilio.conftest import TEMPLATE, Door, use_as_template
from tests.console.scene import add_workflow, ask
from tests.edge.phone_fixture import MEMBER, Phone, eventually
from tests.integrations.mail.conftest import connect as connect_mail
from tests.world import World, prove

UPDATE = FoundTemplate("update", "en", TEMPLATE, "approved", body="News: {{1}}")
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


@pytest.fixture
def world(open_door: Door, phone: Phone, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """Acme, whose number at Twilio sends codes and notices to an approver's phone."""
    monkeypatch.setattr("integrations.mail.services.wake", lambda: None)
    connect_mail(open_door.world)
    with open_door.inside():
        open_door.account.refresh_from_db()
        for use in ("notice", "code"):
            use_as_template(open_door.account, UPDATE, use=use)
        add_workflow(open_door.world, notify_by=[CHANNEL])
        numbers.send_code(actor=open_door.world.actor("approver"), number=MEMBER)
        code = re.search(r"\d{4} \d{4}", phone.replies()[-1]["body"])
        assert code is not None
        numbers.link(actor=open_door.world.actor("approver"), code=code[0])
        yield open_door.world


def notified(world: World) -> Notification:
    """Return the notice of a new request to the approver, sent by the worker."""
    approval = ask(world, params={"campaign": "Small", "budget": "110.00"})
    row: Notification = Notification.objects.get(approval=approval, channel=CHANNEL, recipient=world.people["approver"])
    send_notification(row.pk)
    row.refresh_from_db()
    return row


def test_link_sent_by_twilio_decides_once_as_what_it_is_and_scanners_and_other_tenants_change_nothing(
    world: World, phone: Phone
) -> None:
    row = notified(world)
    assert (row.status, row.provider, bool(row.provider_message_id)) == ("sent", "twilio", True)
    found = re.search(r"/d/[\w-]+/", phone.replies()[-1]["body"])
    assert found is not None
    for _ in range(3):
        assert Client().get(found[0]).status_code == 200
        assert Client().head(found[0]).status_code == 200
    assert not Decision.objects.filter(verdict="approve").exists()
    # Reports travel to the notification's own address.
    eventually(lambda: deliveries.dispatch_due_deliveries() or Notification.objects.get(pk=row.pk).status != "sent")
    form = {"verdict": "approve", "typed": row.approval.reference}
    statuses = [Client().post(found[0], form).status_code for _ in range(2)]
    assert statuses[0] in (200, 302)
    vote = Decision.objects.get(verdict="approve")
    assert (vote.channel, vote.auth_strength, vote.person) == ("whatsapp_link", "link", world.people["approver"])
    assert DecisionToken.objects.get().ended_by == "used"


def test_message_that_fails_five_times_goes_out_as_the_email(world: World, phone: Phone) -> None:
    phone.script("POST /2010-04-01", "fail", status=500, times=50)
    row = notified(world)
    for attempt in range(1, 5):
        assert (row.status, row.attempts, MailDelivery.objects.filter(ref=row.pk).count()) == ("queued", attempt, 0)
        send_notification(row.pk, now=now() + timedelta(hours=attempt))
        row.refresh_from_db()
    assert (row.status, row.attempts, MailDelivery.objects.filter(ref=row.pk).count()) == ("sent", 5, 1)
    calls = list(ProviderCall.objects.order_by("id").values_list("what", "outcome"))
    assert calls == [("code", "succeeded"), *[("notice", "unknown")] * 5]
    assert not DeadLetter.objects.filter(ref=row.pk).exists()


def test_link_of_somebody_who_could_read_sent_messages_decides_nothing(world: World, phone: Phone) -> None:
    approver = world.people["approver"]
    assert people_who_can_read_mail().isdisjoint({approver.pk})
    ChannelAccount.objects.filter(kind="whatsapp").update(keepers=[approver.pk])
    assert people_who_can_read_mail().isdisjoint({approver.pk})
    assert notified(world).status == "sent"
    assert "/d/" not in phone.replies()[-1]["body"]
    assert approver.pk in people_who_can_read_mail()
    assert notified(world).status == "sent"
    assert "/d/" not in phone.replies()[-1]["body"]


def test_number_is_linked_and_unlinked_on_the_page(world: World, phone: Phone) -> None:
    page, client = "/admin/channels_app/colleagueaddress/", Client()
    client.force_login(world.people["approver"], backend="accounts.backends.RoleBackend")
    prove(client)
    assert client.post(f"{page}number-unlink/", follow=True).status_code == 200
    assert numbers.number_of(world.people["approver"].pk) is None
    answer = client.post(f"{page}own-number/", {"number": MEMBER})
    assert (answer.status_code, answer.headers["Location"]) == (302, f"{page}number-code/")
    code = re.search(r"\d{4} \d{4}", phone.replies()[-1]["body"])
    assert code is not None
    assert client.post(f"{page}number-code/", {"code": "0000 0001"}).status_code == 400
    assert client.post(f"{page}number-code/", {"code": code[0]}).status_code == 302
    assert numbers.number_of(world.people["approver"].pk) is not None
    assert MEMBER.removeprefix("whatsapp:") in client.get(page).content.decode()


def test_number_that_whatsapp_refuses_or_that_said_stop_gets_the_email(world: World, phone: Phone) -> None:
    phone.script("POST /2010-04-01", "fail", status=400)
    refused = notified(world)
    assert MailDelivery.objects.filter(ref=refused.pk).count() == 1
    before = len(phone.replies())
    phone.write("STOP")
    deliveries.dispatch_due_deliveries()
    said = len(phone.replies())
    stopped = notified(world)
    assert (MailDelivery.objects.filter(ref=stopped.pk).count(), len(phone.replies())) == (1, said)
    assert before <= said

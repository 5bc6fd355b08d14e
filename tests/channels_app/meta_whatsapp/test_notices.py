"""WhatsApp notices to approvers: their number proven by a code, the template with its link, and the email instead."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest

from accounts.models import Notice
from channels_app.approver_channels import addresses
from channels_app.approver_channels.whatsapp import notifier, numbers
from channels_app.approver_channels.whatsapp.messages import CODE, NOTICE, fit
from channels_app.approver_channels.whatsapp.notifier import CHANNEL, WhatsAppNotifier
from channels_app.meta_whatsapp.channel import found_in_meta
from channels_app.meta_whatsapp.transport import with_button
from channels_app.models import ColleagueAddress
from conversations import services as talk
from conversations.channel_accounts import templates
from conversations.models import ChannelAccount, MessageTemplate
from conversations.types import SenderIdentity
from core.actors import system
from core.clock import now
from core.errors import Conflict, Gone, Invalid, NotFound, Unavailable
from core.models import AuditEntry
from core.tenancy.scope import tenant_scope
from hitl.decision_links.links import decide_by_link
from hitl.decision_links.rules import find_link
from hitl.models import Approval, Decision, DecisionToken, Notification
from integrations.models import MailDelivery
from standins.meta import seed
from tests.channels_app.meta_whatsapp.conftest import CUSTOMER, Door, Meta
from tests.console.scene import add_workflow, ask
from tests.integrations.mail.conftest import connect as connect_mail
from tests.world import OPERATOR, World

pytestmark = pytest.mark.slow

PLAIN = CUSTOMER
LINK = re.compile(r"/d/([\w-]+)/")


@dataclass
class Desk:
    """Acme with a number at Meta that sends codes and notices, and an approver with a phone."""

    world: World
    door: Door
    meta: Meta

    def ask(self, **fields: Any) -> Approval:
        return ask(self.world, **{"params": {"campaign": "Small", "budget": "110.00"}, **fields})

    def link(self, role: str = "approver") -> None:
        actor = self.world.actor(role)
        numbers.send_code(actor=actor, number=PLAIN)
        numbers.link(actor=actor, code=self.code())

    def code(self) -> str:
        found = re.search(r"\d{4} \d{4}", self.said()[-1])
        assert found is not None
        return found[0]

    def said(self) -> list[str]:
        return [str(one["body"]) for one in self.meta.replies()]

    def notify(self, approval: Approval, role: str = "approver", **more: Any) -> Notification:
        """Send a notification as the worker does."""
        facts = {"template": "approval_opened", "recipient": self.world.people[role], "channel": CHANNEL, **more}
        row = Notification.objects.create(approval=approval, status="sending", level=approval.level, **facts)
        delivery = WhatsAppNotifier().notify(row.pk)
        if delivery.sent:
            Notification.objects.filter(pk=row.pk).update(status="sent", provider=delivery.provider)
        row.refresh_from_db()
        return row


def choose(door: Door, use: str, template: str = "update") -> None:
    templates.store_templates(account_id=door.account.pk, found=map(found_in_meta, seed.demo_templates()))
    chosen = MessageTemplate.objects.get(name=template, language="en")
    templates.use_template(actor=OPERATOR, template_id=chosen.pk, use=use)


@pytest.fixture
def desk(open_door: Door, meta: Meta, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    monkeypatch.setattr("integrations.mail.services.wake", lambda: None)
    connect_mail(open_door.world)
    with tenant_scope(open_door.world.acme.pk):
        for use in (CODE, NOTICE):
            choose(open_door, use)
        add_workflow(open_door.world, notify_by=[CHANNEL])
        yield Desk(open_door.world, open_door, meta)


@pytest.mark.django_db(transaction=True)
def test_notice_goes_to_the_proven_number_with_a_link_that_decides_once_and_to_the_mailbox_without_one(
    desk: Desk,
) -> None:
    approval = desk.ask(origin={"notes": "The customer ana@customer.example asks for it."})
    unproven = desk.notify(approval)
    assert (unproven.provider, MailDelivery.objects.get(ref=unproven.pk).user_id) == ("email", unproven.recipient_id)
    desk.link()
    row = ColleagueAddress.objects.get()
    assert row.proven_at is not None
    assert PLAIN not in str(list(AuditEntry.objects.values_list("facts", flat=True)))
    assert {"OWN_ADDRESS_CODE_SENT", "OWN_ADDRESS_LINKED"} <= set(AuditEntry.objects.values_list("action", flat=True))
    sent = desk.notify(approval)
    said = desk.said()[-1]
    assert (sent.status, sent.provider) == ("sent", "cloud")
    assert f"{approval.reference} needs your approval." in said
    assert "ana@customer.example" not in said
    secret = LINK.search(said)
    assert secret is not None
    found = find_link(secret[1])
    assert found is not None
    decided = decide_by_link(token_id=found.token_id, verdict="approve", typed=approval.reference)
    assert (decided.state, Decision.objects.get().channel) == ("approved", "whatsapp_link")
    with pytest.raises((Conflict, Gone)):
        decide_by_link(token_id=found.token_id, verdict="approve", typed=approval.reference)
    assert desk.notify(approval).status == "skipped"


@pytest.mark.django_db(transaction=True)
def test_notice_follows_the_rules_of_links_the_gate_and_reports(desk: Desk) -> None:
    desk.link()
    risky = desk.ask(params={"campaign": "Autumn", "budget": "25000.00", "reach": 80000})
    desk.notify(risky)
    assert f"/admin/hitl/approval/{risky.pk}/" in desk.said()[-1]
    assert not DecisionToken.objects.exists()
    small = desk.ask()
    row = desk.notify(small, is_reminder=True)
    assert "still needs your approval" in desk.said()[-1]
    assert notifier.apply_report(notification_id=row.pk, status="delivered")
    row.refresh_from_db()
    assert row.status == "delivered"
    assert not notifier.apply_report(notification_id=risky.pk, status="delivered")
    failed = desk.notify(small)
    assert notifier.apply_report(notification_id=failed.pk, status="failed")
    assert MailDelivery.objects.filter(ref=failed.pk).count() == 1
    before = len(desk.said())
    sender = SenderIdentity(kind="phone", value=PLAIN, verified=True)
    talk.block_point(actor=system("tests"), sender=sender, channel="whatsapp", reason="opted_out")
    stopped = desk.notify(small)
    assert (len(desk.said()), MailDelivery.objects.filter(ref=stopped.pk).count()) == (before, 1)
    with pytest.raises(Invalid, match="opted out"):
        numbers.send_code(actor=desk.world.actor("admin"), number=PLAIN)


@pytest.mark.django_db(transaction=True)
def test_number_is_proven_by_its_code_only_and_unlinked(desk: Desk) -> None:
    approver, admin = desk.world.actor("approver"), desk.world.actor("admin")
    with pytest.raises(Invalid):
        numbers.send_code(actor=approver, number="600 123")
    numbers.send_code(actor=approver, number=PLAIN)
    with pytest.raises(Invalid):
        numbers.link(actor=approver, code="0000 0000")
    with pytest.raises(Invalid):
        numbers.link(actor=admin, code=desk.code())
    assert numbers.number_of(approver.user_id or admin.id) is None
    numbers.link(actor=approver, code=desk.code())
    # Who gets the code has the number now.
    numbers.send_code(actor=admin, number=PLAIN)
    numbers.link(actor=admin, code=desk.code())
    assert numbers.number_of(desk.world.people["approver"].pk) is None
    assert Notice.objects.filter(person=desk.world.people["approver"], title__contains="was unlinked").count() == 1
    with pytest.raises(NotFound):
        numbers.unlink(actor=approver)
    # It may be a stranger's after half a year.
    ColleagueAddress.objects.update(proven_at=now() - addresses.NUMBER_LIFE)
    for _ in range(2):
        old = desk.notify(desk.ask(), "admin")
        assert MailDelivery.objects.filter(ref=old.pk).count() == 1
    assert Notice.objects.filter(person=desk.world.people["admin"], title__contains="again").count() == 1
    numbers.unlink(actor=admin)
    chosen = MessageTemplate.objects.get(name="update", language="en")
    templates.stop_using_template(actor=OPERATOR, template_id=chosen.pk, use=CODE)
    with pytest.raises(Unavailable):
        numbers.send_code(actor=approver, number=PLAIN)


@pytest.mark.django_db(transaction=True)
def test_code_that_did_not_leave_is_the_channels_error_only_where_the_channel_is_at_fault(desk: Desk) -> None:
    approver = desk.world.actor("approver")
    desk.meta.call("/__script", {"match": "POST /v", "do": "drop_after"})
    with pytest.raises(Invalid):
        numbers.send_code(actor=approver, number=PLAIN)
    assert ChannelAccount.objects.get(pk=desk.door.account.pk).last_error == ""
    desk.meta.call("/__behave", {"token_expired": True})
    with pytest.raises(Invalid):
        numbers.send_code(actor=approver, number=PLAIN)
    assert ChannelAccount.objects.get(pk=desk.door.account.pk).last_error == "190"


def test_words_fit_the_variables_and_codes_fill_the_button_of_their_template() -> None:
    words = ["BR-1 needs you.", "A budget\nof 900.", "https://walker.example/d/x/"]
    assert fit(words, 1) == ["BR-1 needs you. A budget of 900. https://walker.example/d/x/"]
    assert fit(words, 2) == ["BR-1 needs you. A budget of 900.", "https://walker.example/d/x/"]
    assert fit(words, 3)[2] == "https://walker.example/d/x/"
    assert (fit(words, 0), fit(words, 4)) == ([], [])
    template = MessageTemplate(
        tenant_id=uuid4(), category="authentication", components=[{"type": "BUTTONS", "buttons": [{"type": "OTP"}]}]
    )
    filled = with_button({"type": "template", "template": {"name": "code", "components": []}}, template, "1234 5678")
    assert filled["template"]["components"][0]["parameters"] == [{"type": "text", "text": "1234 5678"}]

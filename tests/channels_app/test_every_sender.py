"""Every sender under every verdict: people, agents, outcomes, campaigns, and each type of mail."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Final

import pytest
from django.db.models import F

from channels_app.slack import connect as slack_connect
from channels_app.slack import notifier, people
from conversations import mediums, services
from conversations.models import Message
from conversations.services.blocks import CONFIRMS_WISH
from conversations.services.contacts import point_index
from core.actors import Actor
from core.clock import now
from core.models import DeadLetter, ReachPolicy, ReplyWindow
from core.reach import gate, ledger
from hitl.models import Notification
from hitl.notifications.send import send_notification
from integrations.mail import events
from integrations.mail.delivery import deliver_mail
from integrations.slack import sending
from tests.channels_app.slack.conftest import (
    ANNA,
    PUBLIC,
    Desk,
    desk,  # noqa: F401
    slack,  # noqa: F401
)
from tests.channels_app.slack.conftest import _quiet as _quiet_slack  # noqa: F401
from tests.conversations.conftest import (
    AGENT,
    ScriptedTransport,
    Shop,
    shop,  # noqa: F401  (fixtures)
    support,  # noqa: F401
    transport,  # noqa: F401
)
from tests.integrations.mail.conftest import (
    ADDRESS,
    _quiet,  # noqa: F401
    api,  # noqa: F401
    connect,
    queue,
)
from tests.integrations.mail.servers import Answers
from tests.templating import choose_template
from tests.world import OPERATOR, World

NUMBER: Final = "+34600123456"
SITUATIONS: Final = ("free", "opted_out", "blocked", "unreachable", "closed", "closed_with_template", "quiet")
SENDERS: Final = ("person", "agent", "outcome", "campaign", "confirmation")
MAILS: Final = (
    "notice approval approval_digest brief decision test invitation password_reset password_changed"
).split()
ALWAYS: Final = frozenset({"invitation", "password_reset", "password_changed"})
GONE: Final = ("opted_out", "blocked", "unreachable")


def expected(sender: str, situation: str) -> str:
    """Return what becomes of a message on WhatsApp."""
    if sender == "confirmation":
        return "sent"
    if situation in GONE or situation == "closed":
        return "refused"
    if situation == "closed_with_template":
        return "asks for a template" if sender == "person" else "template"
    return "later" if (sender, situation) == ("campaign", "quiet") else "sent"


@pytest.fixture
def prepare(acme: World) -> Iterator[Any]:
    """Bring an address into a situation."""

    def bring(situation: str, index: str, channel: str) -> None:
        states = {"opted_out": "withdrawn", "blocked": "blocked", "unreachable": "unreachable"}
        if situation in states:
            place = "any" if situation == "blocked" else channel
            ledger.add_lines(address_index=index, channel=place, state=states[situation], source="staff")
        elif situation.startswith("closed"):
            ReplyWindow.objects.update(wrote_at=F("wrote_at") - timedelta(days=1))
        elif situation == "quiet":
            hour = now().replace(minute=0, second=0, microsecond=0)
            until = (hour + timedelta(hours=2)).time()
            ReachPolicy.objects.create(quiet_from=hour.time(), quiet_until=until)

    return bring


def write(sender: str, asked: Message, person: Actor) -> Message:
    """Let a sender write."""
    actor = {"person": person, "agent": AGENT}.get(sender, OPERATOR)
    purpose = {"outcome": "service", "campaign": "marketing"}.get(sender, "reply")
    return services.reply(
        actor=actor,
        conversation_id=asked.conversation_id,
        text="Hello",
        sender_type=sender if sender in ("person", "agent") else "system",  # type: ignore[arg-type]
        purpose=purpose,
        metadata={CONFIRMS_WISH: True} if sender == "confirmation" else {},
    )


@pytest.mark.parametrize("situation", SITUATIONS)
def test_message_of_every_sender_does_what_the_gate_says(
    situation: str,
    shop: Shop,  # noqa: F811
    transport: type[ScriptedTransport],  # noqa: F811
    support: Actor,  # noqa: F811
    prepare: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(transport, "medium", mediums.WhatsApp)
    asked = shop.call()
    if situation == "closed_with_template":
        choose_template(asked.channel_account)
    prepare(situation, point_index("phone", NUMBER), "whatsapp")
    found = {}
    for sender in ("agent", "outcome", "campaign", "confirmation", "person"):
        transport.sent = []
        try:
            message = write(sender, asked, support)
        except gate.NotReachable as refused:
            found[sender] = "asks for a template" if refused.facts.get("has_template") else "refused"
            continue
        status = services.deliver(message_id=message.pk)
        if status == "sent":
            found[sender] = "template" if transport.sent[0].template else "sent"
        else:
            assert transport.sent == []
            found[sender] = "refused" if status == "failed" else "later"
    assert found == {sender: expected(sender, situation) for sender in SENDERS}


@pytest.mark.parametrize("situation", SITUATIONS)
def test_mail_of_every_type_does_what_the_gate_says(
    situation: str,
    acme: World,
    api: Answers,  # noqa: F811
    prepare: Any,
    settings: Any,
) -> None:
    settings.SENDGRID_API_KEY, settings.MAIL_FROM = "SG.installation", "Walker <walker@example.org>"
    connect(acme)
    prepare(situation, ledger.index_of_mail(ADDRESS.upper()), "email")
    left = set()
    for kind in MAILS:
        assert kind == "test" or events.receiver_of(kind) is not None
        row = queue(f"k-{kind}", type=kind)
        if deliver_mail(row.pk) == "sent":
            left.add(kind)
        else:
            row.refresh_from_db()
            assert (row.status, row.error) == ("failed", f"gate_{situation}")
    assert left == (ALWAYS if situation in GONE else set(MAILS))
    assert len(api.seen) == len(left)
    assert not DeadLetter.objects.exists()


@pytest.mark.parametrize("of", ["member", "mail"])
@pytest.mark.parametrize("situation", SITUATIONS)
def test_slack_message_of_every_kind_does_what_the_gate_says(
    situation: str,
    of: str,
    desk: Desk,  # noqa: F811
    prepare: Any,
) -> None:
    """An answer to one's own press asks nobody: it writes only to somebody who asked a moment ago."""
    asked = desk.ask()
    row = Notification.objects.get(approval=asked, channel="slack", recipient__email__startswith="approver")
    index = sending.index_of(ANNA) if of == "member" else ledger.index_of_mail("APPROVER@acme.example")
    prepare(situation, index, "slack" if of == "member" else "any")
    found = {"notice": send_notification(row.pk), "code": True, "answer": True}
    row.refresh_from_db()
    assert found["notice"] or row.failure_reason in (notifier.OPTED_OUT, *notifier.REFUSED.values())
    before = len(desk.direct(ANNA))
    people.send_code(actor=desk.world.actor("approver"), member_id=ANNA)
    found["code"] = len(desk.direct(ANNA)) == before + 1
    admin = desk.world.actor("admin")
    slack_connect.send_test(actor=admin, account_id=desk.account.pk, to=PUBLIC)
    try:
        slack_connect.send_test(actor=admin, account_id=desk.account.pk, to=ANNA)
        found["test"] = True
    except gate.NotReachable:
        found["test"] = False
    is_open = situation not in GONE
    assert found == {"notice": is_open, "code": True, "answer": True, "test": is_open or of == "mail"}

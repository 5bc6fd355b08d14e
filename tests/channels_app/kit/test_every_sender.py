"""Every sender under every verdict: people, agents, outcomes, campaigns, each type of mail, notices and codes.

Web push asks nobody and isn't here: it shows a colleague's own browser, as long as they want it there, a notice that
the console shows them as well. `docs/adr/every-sender-asks-one-gate.md` says why.
"""

import json
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

import pytest
from django.db.models import F

from channels_app.approver_channels.slack import notifier, people
from channels_app.approver_channels.slack.connect import SlackConnect
from channels_app.approver_channels.whatsapp.messages import CODE, NOTICE, send_words
from conversations import mediums, services
from conversations.channel_accounts import templates
from conversations.contacts.blocks import CONFIRMS_WISH
from conversations.contacts.contacts import point_index
from conversations.messages import delivery
from conversations.models import Message, MessageTemplate
from conversations.services import Draft, Sender
from core.actors import Actor
from core.clock import now
from core.models import DeadLetter, ReachPolicy, ReplyWindow, SendCount
from core.reach import gate, ledger
from core.reach.verdict import DAYS_AHEAD
from hitl.models import Notification
from hitl.notifications.send import send_notification
from integrations.mail import events
from integrations.mail.delivery import deliver_mail
from integrations.outcomes import Sent
from integrations.slack import posts
from tests.channels_app.approver_channels.slack.conftest import (
    ANNA,
    PUBLIC,
    Desk,
    desk,  # noqa: F401
    slack,  # noqa: F401
)
from tests.channels_app.approver_channels.slack.conftest import _quiet as _quiet_slack  # noqa: F401
from tests.channels_app.meta_whatsapp.conftest import connect as connect_meta
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
from tests.integrations.mail.servers import Answers, running
from tests.templating import choose_template
from tests.world import OPERATOR, World

NUMBER: Final = "+34600123456"
SITUATIONS: Final = (
    "free opted_out blocked unreachable closed closed_with_template quiet full_today limit no_consent"
).split()
SENDERS: Final = ("person", "agent", "outcome", "campaign", "confirmation")
MAILS: Final = (
    "notice approval approval_digest brief decision alert export conversation test invitation password_reset "
    "password_changed"
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
    if sender != "campaign":
        return "sent"
    return {"quiet": "later", "full_today": "later", "limit": "refused", "no_consent": "refused"}.get(situation, "sent")


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
        elif situation == "no_consent":
            ReachPolicy.objects.create(needs_consent=True)
        elif situation in ("full_today", "limit"):
            ReachPolicy.objects.create(per_contact=1)
            days = 1 if situation == "full_today" else DAYS_AHEAD + 2
            today = now().date()
            rows = (SendCount(address_index=index, day=today + timedelta(days=n), sent=1) for n in range(days))
            SendCount.objects.bulk_create(rows)

    return bring  # type: ignore[return-value]


def write(sender: str, asked: Message, person: Actor) -> Message:
    """Let a sender write."""
    actor = {"person": person, "agent": AGENT}.get(sender, OPERATOR)
    purpose = {"outcome": "service", "campaign": "marketing"}.get(sender, "reply")
    return services.reply(
        actor=actor,
        conversation_id=asked.conversation_id,
        draft=Draft(
            text="Hello",
            purpose=purpose,
            metadata={CONFIRMS_WISH: True} if sender == "confirmation" else {},
            sender=Sender(type=sender if sender in ("person", "agent") else "system"),  # type: ignore[arg-type]
        ),
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
        status = delivery.deliver(message_id=message.pk)
        if status == "sent":
            found[sender] = "template" if transport.sent[0].template else "sent"
        else:
            assert transport.sent == []
            found[sender] = "refused" if status == "failed" else "later"
    assert found == {sender: expected(sender, situation) for sender in SENDERS}


def test_table_has_every_type_of_mail() -> None:
    """A new type is one more row above; `test` is the only one without a receiver."""
    registered = {kind for kind, receiver in events._receivers.items() if not receiver.__module__.startswith("tests.")}
    assert {*registered, "test"} == set(MAILS)
    purposes = {kind: receiver.purpose for kind, receiver in events._receivers.items()}
    assert {kind for kind in MAILS if purposes.get(kind) == "account"} == ALWAYS


@pytest.mark.slow
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


@pytest.mark.slow
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
    index = posts.index_of(ANNA) if of == "member" else ledger.index_of_mail("APPROVER@acme.example")
    prepare(situation, index, "slack" if of == "member" else "any")
    found = {"notice": send_notification(row.pk), "code": True, "answer": True}
    row.refresh_from_db()
    assert found["notice"] or row.failure_reason in (notifier.OPTED_OUT, *notifier.REFUSED.values())  # type: ignore[attr-defined]
    before = len(desk.direct(ANNA))
    people.send_code(actor=desk.world.actor("approver"), member_id=ANNA)
    found["code"] = len(desk.direct(ANNA)) == before + 1
    admin = desk.world.actor("admin")
    SlackConnect.send_test(actor=admin, account_id=desk.account.pk, to=PUBLIC)
    try:
        SlackConnect.send_test(actor=admin, account_id=desk.account.pk, to=ANNA)
        found["test"] = True
    except gate.NotReachable:
        found["test"] = False
    is_open = situation not in GONE
    assert found == {"notice": is_open, "code": True, "answer": True, "test": is_open or of == "mail"}


@pytest.fixture
def graph(settings: Any) -> Iterator[list[str]]:
    """Meta's door for messages, and the templates that were sent there."""
    seen: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            seen.append(json.loads(self.rfile.read(int(self.headers["Content-Length"])))["template"]["name"])
            body = json.dumps({"messages": [{"id": f"wamid.{len(seen)}"}]}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: Any) -> None:
            pass

    with running(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as port:
        settings.META_API_BASE = f"http://127.0.0.1:{port}"
        yield seen


@pytest.mark.parametrize("of", ["number", "mail"])
@pytest.mark.parametrize("situation", SITUATIONS)
def test_whatsapp_notice_and_code_do_what_the_gate_says(
    situation: str, of: str, acme: World, graph: list[str], prepare: Any
) -> None:
    """They are templates, which no window holds up; what a colleague said about their mail address counts too."""
    account, person = connect_meta(acme, has_templates=True), acme.people["approver"]
    chosen = MessageTemplate.objects.get(name="update", language="en")
    for use in (NOTICE, CODE):
        templates.use_template(actor=OPERATOR, template_id=chosen.pk, use=use)
    account.refresh_from_db()
    is_number = of == "number"
    index = point_index("phone", NUMBER) if is_number else ledger.index_of_mail(person.email.upper())
    prepare(situation, index, "whatsapp" if is_number else "any")
    found = {}
    for use in (NOTICE, CODE):
        try:
            outcome = send_words(account, NUMBER, person_id=person.pk, use=use, words=["Somebody asks", "1234 5678"])
            found[use] = isinstance(outcome, Sent)
        except gate.NotReachable:
            found[use] = False
    assert found == dict.fromkeys((NOTICE, CODE), situation not in GONE)
    assert len(graph) == 2 * (situation not in GONE)

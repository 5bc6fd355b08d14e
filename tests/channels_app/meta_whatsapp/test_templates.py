"""Templates: fetched from Meta and Twilio, chosen for uses, filled, and noticed when they can't be sent."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.test import Client

from channels_app.kit.phones import templates
from channels_app.meta_whatsapp import read_marks
from channels_app.meta_whatsapp.transport import MetaTransport
from channels_app.twilio_whatsapp.channel import WhatsAppTransport
from channels_app.webhooks import deliveries
from conversations import services
from conversations.channel_accounts.templates import (
    FoundTemplate,
    change_template,
    fill_template,
    has_template,
    list_templates,
    preview_of,
    stop_using_template,
    store_templates,
    use_template,
    uses_of,
)
from conversations.messages import delivery
from conversations.messages.selectors.messages import row_of
from conversations.models import ChannelAccount, Conversation, DeliveryAttempt, Message, MessageTemplate
from conversations.services import ByTemplate, Draft, Sender
from conversations.types import InboundMessage, SenderIdentity
from core.clock import now
from core.errors import Conflict, Invalid, NotFound, Refused
from core.models import AuditEntry, ReplyWindow
from core.tenancy.scope import tenant_scope
from tests.channels_app.approver_channels.slack.test_races import wait_until_blocked
from tests.channels_app.meta_whatsapp.conftest import Door, Meta, change
from tests.hitl.machine.test_races import at_once
from tests.world import OPERATOR, World

ANA_PHONE = "+34600111222"
LIST = "/admin/conversations/messagetemplate/"


@pytest.fixture
def inside(door: Door) -> Iterator[ChannelAccount]:
    """Acme's number at Meta, in its tenant's scope, with two languages and two that can't be sent."""
    with door.inside():
        store(door.account)
        yield door.account


def store(account: ChannelAccount, **states: str) -> None:
    rows = [
        ("update", "en", "approved", "News about {{1}}: {{2}}"), ("update", "de", "approved", "Neues: {{1}}"),
        ("survey", "en", "paused", "How was {{name}}?"), ("sale", "en", "rejected", "Sale!"),
    ]  # fmt: skip
    found = [
        FoundTemplate(name, language, f"{name}-{language}", states.get(f"{name}_{language}", state), body=body)
        for name, language, state, body in rows
    ]
    store_templates(account_id=account.pk, found=found)


def template(name: str = "update", language: str = "en") -> MessageTemplate:
    return MessageTemplate.objects.get(name=name, language=language)


def use(name: str = "update", language: str = "en", what: str = "outcome") -> None:
    use_template(actor=OPERATOR, template_id=template(name, language).pk, use=what)


def test_variables_are_named_and_the_preview_is_masked(inside: ChannelAccount) -> None:
    assert (template().variables, template("survey").variables) == (["1", "2"], ["name"])
    assert preview_of(template=template()) == "News about •••: •••"


def test_each_use_has_a_template_per_language(inside: ChannelAccount) -> None:
    use("update", "de")
    use("update", "en", "reminder")
    inside.refresh_from_db()
    told = {
        (kind, language): fill_template(
            inside, "BR-1", {"template_use": kind, "language": language, "template_variables": ["approved"]}
        )
        for kind, language in (("outcome", "de"), ("outcome", "fr"), ("reminder", "en"), ("survey", "de_AT"))
    }
    names = {key: (one if isinstance(one, str) else one.provider_id) for key, one in told.items()}
    assert names == {
        ("outcome", "de"): "update-de", ("outcome", "fr"): "update-de", ("reminder", "en"): "update-en",
        ("survey", "de_AT"): "update-de",
    }  # fmt: skip
    assert AuditEntry.objects.filter(action="TEMPLATE_CHOSEN").count() == 2
    stop_using_template(actor=OPERATOR, template_id=template("update", "de").pk, use="outcome")
    inside.refresh_from_db()
    assert not has_template(inside)
    assert fill_template(inside, "x", {}) == "no_template"


META: list[tuple[str, list[dict[str, Any]]]] = [
    ("picture", [{"type": "HEADER", "format": "IMAGE", "example": {"header_handle": ["https://x.example/a"]}}]),
    ("place", [{"type": "HEADER", "format": "LOCATION"}]),
    ("heading", [{"type": "HEADER", "format": "TEXT", "text": "For {{1}}"}]),
    ("page", [{"type": "BUTTONS", "buttons": [{"type": "URL", "url": "https://x.example/{{1}}", "text": "Open"}]}]),
    ("coupon", [{"type": "BUTTONS", "buttons": [{"type": "COPY_CODE", "example": "25OFF"}]}]),
    ("carousel", [{"type": "CAROUSEL", "cards": []}]),
]
META_FITS = [
    {"type": "HEADER", "format": "TEXT", "text": "News"},
    {"type": "FOOTER", "text": "Reply STOP to end."},
    {
        "type": "BUTTONS",
        "buttons": [{"type": "QUICK_REPLY", "text": "Yes"}, {"type": "URL", "url": "https://x.example"}],
    },
]
CODE_BUTTON = {"type": "BUTTONS", "buttons": [{"type": "URL", "url": "https://x.example/?code={{1}}"}]}
TWILIO: list[tuple[str, list[dict[str, Any]]]] = [
    ("picture", [{"type": "twilio/media", "body": "News: {{1}}", "media": ["https://x.example/{{2}}.png"]}]),
    (
        "page",
        [{"type": "twilio/call-to-action", "body": "News: {{1}}",
          "actions": [{"type": "URL", "title": "Open", "url": "https://x.example/{{3}}"}]}],
    ),
    (
        "card",
        [{"type": "twilio/text", "body": "News: {{1}}"}, {"type": "whatsapp/card", "body": "{{1}}", "header": "{{2}}"}],
    ),
]  # fmt: skip
TWILIO_FITS = [
    {"type": "twilio/call-to-action", "body": "News: {{1}}", "actions": [{"type": "URL", "url": "https://x/{{1}}"}]},
    {"type": "twilio/media", "body": "News: {{1}}", "media": ["https://x.example/a.png"]},
]


def keep(account: ChannelAccount, name: str, components: list[dict[str, Any]], category: str = "utility") -> None:
    found = FoundTemplate(name, "en", f"id-{name}", "approved", category, "News: {{1}}", components)
    store_templates(account_id=account.pk, found=[found])


def refuses(account: ChannelAccount, rows: list[tuple[str, list[dict[str, Any]]]], fits: list[dict[str, Any]]) -> None:
    """Assert that none of these can be chosen or is sent, and that what fits can."""
    for name, components in rows:
        keep(account, name, components)
        with pytest.raises(Conflict) as refused:
            use(name)
        assert (name, refused.value.code) == (name, "template_needs_more")
    keep(account, "fitting", fits)
    use("fitting", what="reopening")
    account.refresh_from_db()
    assert [one.name for one in list_templates(account, "reopening")] == ["fitting"]
    assert not isinstance(fill_template(account, "x", {"template_use": "reopening"}), str)
    keep(account, "fitting", rows[0][1])  # changed at the provider
    assert list_templates(account, "reopening") == []
    for wanted in ({}, {"language": "en"}):
        assert fill_template(account, "x", {"template_use": "reopening", **wanted}) == "template_needs_more"


@pytest.mark.slow
def test_template_of_meta_that_needs_a_file_or_other_values_is_not_chosen(inside: ChannelAccount, door: Door) -> None:
    refuses(inside, META, META_FITS)
    keep(inside, "code", [CODE_BUTTON], "authentication")
    with pytest.raises(Conflict, match="heading or buttons"):
        use("code")
    use("code", what="code")  # its button is filled with the code
    keep(inside, "picture", META[0][1])
    page = console(door.world).get(f"{LIST}{template('picture').pk}/").content.decode()
    assert "Walker only fills gaps in the text" in page
    assert "needs a file" in MetaTransport.explain("template_needs_more").reason


def test_template_of_twilio_that_needs_a_file_or_other_values_is_not_chosen(door: Door) -> None:
    from tests.channels_app.twilio.conftest import connect as connect_twilio

    line = connect_twilio(door.world)
    with door.inside():
        refuses(line, TWILIO, TWILIO_FITS)
    assert "needs a file" in WhatsAppTransport.explain("template_needs_more").reason


@pytest.mark.parametrize("name", ["survey", "sale"])
def test_paused_and_rejected_ones_cannot_be_chosen(inside: ChannelAccount, name: str) -> None:
    with pytest.raises(Conflict) as refused:
        use(name)
    assert refused.value.code == "template_not_approved"


def test_choosing_needs_the_right_and_a_known_use(inside: ChannelAccount, door: Door) -> None:
    with pytest.raises(Refused):
        use_template(actor=door.world.actor("viewer"), template_id=template().pk, use="outcome")
    with pytest.raises(Invalid):
        use(what="greeting")
    with pytest.raises(NotFound):
        use_template(actor=OPERATOR, template_id=inside.pk, use="outcome")


def test_too_few_values_are_refused_before_the_call(inside: ChannelAccount) -> None:
    use()
    inside.refresh_from_db()
    for metadata in ({}, {"template_variables": []}, {"template_variables": ["  "]}, {"template_variables": "no"}):
        assert fill_template(inside, "BR-1", metadata) == "too_few_variables"
    filled = fill_template(inside, "BR-1\nis", {"template_variables": ["x" * 900, "too many"]})
    assert not isinstance(filled, str)
    assert filled.values == {"1": "BR-1 is", "2": "x" * 699 + "…"}


@pytest.mark.slow
def test_chosen_one_that_is_paused_later_is_not_sent_and_raises_a_banner(inside: ChannelAccount, door: Door) -> None:
    use("update", "de")
    store(inside, update_de="paused")
    inside.refresh_from_db()
    assert inside.last_error == "template_not_approved"
    assert fill_template(inside, "x", {}) == "template_not_approved"
    assert "A template can&#x27;t be sent" in console(door.world).get("/admin/").content.decode()
    store(inside)
    inside.refresh_from_db()
    assert inside.last_error == ""
    store_templates(account_id=inside.pk, found=[])
    assert set(MessageTemplate.objects.values_list("state", flat=True)) == {"gone"}


def test_what_meta_reports_about_a_template_counts_at_once_and_repeats_change_nothing(door: Door) -> None:
    with door.inside():
        store(door.account)
        use("update", "de")
    facts = {"message_template_id": "update-de", "message_template_name": "update"}
    told = {}
    for word in ("PAUSED", "PAUSED", "APPROVED", "PENDING_DELETION", "no such word", 7, "REINSTATED"):
        report = change("message_template_status_update", number="", event=word, **facts)
        door.take(report)
        with door.inside():
            told[str(word)] = (template("update", "de").state, template().state)
    assert {words[1] for words in told.values()} == {"approved"}
    assert {word: words[0] for word, words in told.items()} == {
        "PAUSED": "paused", "APPROVED": "approved", "PENDING_DELETION": "gone", "no such word": "gone", "7": "gone",
        "REINSTATED": "approved",
    }  # fmt: skip
    door.take(change("template_category_update", number="", new_category="MARKETING", **facts))
    door.take(change("message_template_status_update", number="", event="PAUSED", message_template_id=["x"]))
    with door.inside():
        assert template("update", "de").category == "marketing"
        assert set(MessageTemplate.objects.exclude(name="update").values_list("state", flat=True)) == {
            "paused", "rejected"
        }  # fmt: skip


def console(world: World, role: str = "owner") -> Client:
    client = Client()
    client.force_login(world.people[role], backend="accounts.backends.RoleBackend")
    return client


@pytest.mark.slow
def test_console_lists_chooses_and_says_why_not(inside: ChannelAccount, door: Door) -> None:
    client = console(door.world)
    assert "In review" not in client.get(LIST).content.decode()
    page = f"{LIST}{template().pk}/"
    assert "News about •••" in client.get(page).content.decode()
    assert client.post(f"{page}use/", {"use": "reopening"}).status_code == 302
    inside.refresh_from_db()
    assert uses_of(template(), account=inside) == ["reopening"]
    assert client.post(f"{page}use/", {"use": "reminder"}).status_code == 400  # nothing sends reminders
    assert client.post(f"{page}stop-using/", {"use": "reopening"}).status_code == 302
    assert client.post(f"{LIST}{template('sale').pk}/use/", {"use": "reopening"}).status_code in (400, 403, 409)
    assert console(door.world, "viewer").post(f"{page}use/", {"use": "reopening"}).status_code == 403


@pytest.mark.slow
def test_templates_are_fetched_from_both_providers_by_button_and_sweep(
    open_door: Door, meta: Meta, phone: Any, settings: Any
) -> None:
    from tests.channels_app.twilio.conftest import connect as connect_twilio

    settings.TWILIO_CONTENT_BASE = phone.url
    line = connect_twilio(open_door.world)
    with open_door.inside():
        MessageTemplate.objects.all().delete()
    button = f"/admin/conversations/channelaccount/{open_door.account.pk}/fetch-templates/"
    assert console(open_door.world, "viewer").post(button).status_code == 403
    pressed = console(open_door.world).post(button, follow=True)
    assert "8 templates fetched" in pressed.content.decode()
    with open_door.inside():
        assert MessageTemplate.objects.count() == 8
        assert templates.sweep_account(line.pk) == 3
        states = dict(MessageTemplate.objects.filter(language="en").values_list("name", "state").order_by("-id"))
        assert states == {
            "update": "approved", "survey": "paused", "sale": "rejected", "rating": "paused", "offer": "rejected",
            **dict.fromkeys(("approval_request", "sign_in_code", "order_question", "we_are_here"), "approved"),
        }  # fmt: skip
        assert template("survey").variables == ["1", "2"]
        meta.call("/__behave", {"token_expired": True})
        with pytest.raises(Invalid, match="access token"):
            templates.fetch_templates(actor=OPERATOR, account_id=open_door.account.pk)
        assert templates.sweep_account(open_door.account.pk) == 0
    assert {account for _, account in templates.list_accounts()} == {line.pk, open_door.account.pk}


@pytest.mark.slow
def test_message_without_enough_values_never_reaches_meta(
    open_door: Door, meta: Meta, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(read_marks, "_enqueue", lambda _: None)
    meta.write("Hello")
    with open_door.inside():
        deliveries.dispatch_due_deliveries()
        account = open_door.account
        store_templates(
            account_id=account.pk, found=[FoundTemplate("two", "en", "1", "approved", body="{{1}} and {{2}}")]
        )
        use_template(actor=OPERATOR, template_id=template("two").pk, use="outcome")
        ReplyWindow.objects.update(wrote_at=now() - timedelta(hours=25))
        conversation = Conversation.objects.get()
        message = services.reply(
            actor=OPERATOR, conversation_id=conversation.pk, draft=Draft(text="One", sender=Sender(type="system"))
        )
        assert delivery.deliver(message_id=message.pk) == "failed"
        assert DeliveryAttempt.objects.get(message=message).error == "too_few_variables"
        assert Message.objects.filter(direction="out").count() == 1
    assert meta.replies() == []


@pytest.mark.slow
def test_transcript_shows_what_the_customer_read_with_every_gap_filled_and_masked(
    open_door: Door, meta: Meta, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(read_marks, "_enqueue", lambda _: None)
    meta.write("Hello")
    words = "Your question about {{1}}: {{2}} Answer here to go on."
    with open_door.inside():
        deliveries.dispatch_due_deliveries()
        store_templates(
            account_id=open_door.account.pk, found=[FoundTemplate("order_question", "en", "1", "approved", body=words)]
        )
        use_template(actor=OPERATOR, template_id=template("order_question").pk, use="outcome")
        ReplyWindow.objects.update(wrote_at=now() - timedelta(hours=25))
        conversation = Conversation.objects.get()
        template_of_it = ByTemplate(variables=["Is +34 600 111 222\nyours?"])
        draft = Draft(text="AB-1", sender=Sender(type="system"), template=template_of_it)
        message = services.reply(actor=OPERATOR, conversation_id=conversation.pk, draft=draft)
        assert delivery.deliver(message_id=message.pk) == "sent"
        MessageTemplate.objects.update(body="Changed since {{1}} {{2}}")
        message.refresh_from_db()
        read = "Your question about AB-1: Is {} yours? Answer here to go on."
        assert row_of(message, clear=True).text == read.format("+34 600 111 222") == meta.replies()[-1]["body"]
        assert row_of(message).text == read.format("+34 ••• ••22")
    page = console(open_door.world).get(f"/admin/conversations/conversation/{conversation.pk}/")
    assert read.format("+34 ••• ••22") in page.content.decode()


@pytest.mark.slow
def test_template_that_the_provider_refuses_to_send_is_paused_at_once(inside: ChannelAccount, door: Door) -> None:
    use("update", "de")
    person = SenderIdentity(kind="phone", value=ANA_PHONE, verified=True)
    told = services.receive(actor=OPERATOR, inbound=InboundMessage(inside.pk, person, "Hello", external_id="1"))
    sent = services.reply(
        actor=OPERATOR, conversation_id=told.conversation_id, draft=Draft(text="News", sender=Sender(type="system"))
    )
    for code, state in (("131026", "approved"), ("132015", "paused")):
        MessageTemplate.objects.filter(pk=template("update", "de").pk).update(state="approved")
        Message.objects.filter(pk=sent.pk).update(status="sent")
        DeliveryAttempt.objects.update_or_create(
            message=sent, number=1, defaults={"channel_account": inside, "template_id": template("update", "de").pk}
        )
        services.record_status(actor=OPERATOR, message_id=sent.pk, status="failed", error=code)
        assert template("update", "de").state == state
    inside.refresh_from_db()
    assert inside.last_error == "template_not_approved"
    assert "A template can&#x27;t be sent" in console(door.world).get("/admin/").content.decode()


def test_odd_list_of_a_provider_is_kept_as_far_as_the_database_can(inside: ChannelAccount) -> None:
    odd = [
        FoundTemplate(
            "nul \0", "en\0", "", "approved", "utility\0", "Hi \ud800 {{1}}", [{"a\0": ["\ud800", {"b": 1}]}]
        ),
        FoundTemplate("two", "en", "", "approved", body="{{1}}" * 2000),
        FoundTemplate("three", "en", "", "approved"),
    ]
    for _ in range(2):
        assert store_templates(account_id=inside.pk, found=odd) == 3
    rows = MessageTemplate.objects.filter(channel_account=inside, provider_id="")
    assert sorted(rows.values_list("name", "state")) == [
        ("nul \ufffd", "approved"), ("three", "approved"), ("two", "approved"),
    ]  # fmt: skip
    # A report without an id is about none of them.
    assert change_template(provider_id="", state="rejected") == 0


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_template_is_chosen_while_the_sweep_keeps_the_list_without_a_deadlock(open_door: Door) -> None:
    with open_door.inside():
        found = [FoundTemplate("one", "en", "7", "approved", body="{{1}}")]
        store_templates(account_id=open_door.account.pk, found=found)
        key = MessageTemplate.objects.get(provider_id="7").pk

        def choose() -> MessageTemplate:
            return use_template(actor=OPERATOR, template_id=key, use="notice")

        with ThreadPoolExecutor(1) as pool, transaction.atomic():
            ChannelAccount.objects.select_for_update().get(pk=open_door.account.pk)
            chosen = pool.submit(copy_context().run, at_once, [choose])
            wait_until_blocked(1)
            store_templates(account_id=open_door.account.pk, found=found)
        assert [one.pk for one in chosen.result()] == [key]  # type: ignore[attr-defined]


def test_other_organisations_see_none_of_it(inside: ChannelAccount, door: Door) -> None:
    with tenant_scope(door.world.globex.pk):
        assert not MessageTemplate.objects.exists()

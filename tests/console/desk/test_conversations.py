"""Conversations in the console: masked, recorded, revealed on purpose."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils.html import escape

from accounts.models import RevealGrant
from accounts.privacy.reveals import ActiveReveal, get_active_reveal, reveal
from conversations import services
from conversations.inbox.admin import page as admin_page
from conversations.models import ChannelAccount, Contact, Conversation, Message
from conversations.services import Draft, Sender
from core.clock import now
from core.errors import Invalid, Refused
from core.models import AuditEntry
from core.privacy.pii import mask_text
from tests.console.conftest import Browser
from tests.console.scene import DOOR, EMAIL, NAME, PHONE, add_workflow, ask, write_in
from tests.world import World

pytestmark = pytest.mark.django_db
LIST = "/admin/conversations/conversation/"
OBJECT = "conversations.conversation"
CLEAR = [EMAIL, PHONE, "600 123 456", "34600123456", escape(NAME), NAME]


@pytest.fixture
def line(acme: World) -> ChannelAccount:
    """A phone line of the first tenant."""
    account: ChannelAccount = ChannelAccount.objects.create(
        kind="whatsapp", provider="twilio", name="Line", address="+34900"
    )
    return account


@pytest.fixture
def talk(line: ChannelAccount) -> Conversation:
    """A customer who wrote their address and number."""
    found: Conversation = Conversation.objects.get(pk=write_in(line, f"Mail {EMAIL} or call {PHONE}"))
    return found


@pytest.fixture
def page(talk: Conversation) -> str:
    """The path of the conversation's page."""
    return f"{LIST}{talk.pk}/"


def leaks(html: str) -> list[str]:
    """Return the clear personal data in a page."""
    return [value for value in CLEAR if value in html]


@pytest.mark.parametrize("role", ["owner", "admin", "support", "compliance", "viewer"])
@pytest.mark.parametrize("query", ["", "?state=all", "?state=closed", "?mine=yes", "?channel=whatsapp"])
def test_list_shows_no_personal_data(browser: Browser, talk: Conversation, role: str, query: str) -> None:
    assert leaks(browser(role).get(LIST + query, follow=True).content.decode()) == []


@pytest.mark.parametrize("role", ["owner", "support", "viewer"])
def test_page_shows_no_personal_data(browser: Browser, page: str, role: str) -> None:
    assert leaks(browser(role).get(page).content.decode()) == []


@pytest.mark.parametrize(
    "query",
    ["contact__masked_name__startswith=A", "contact__display_name=x", "contact__points__value_index=1", "q__x=1"],
)
def test_look_up_on_a_masked_field_narrows_nothing(browser: Browser, talk: Conversation, query: str) -> None:
    assert browser("owner").get(f"{LIST}?{query}")["Location"] == "/admin/inbox/?view=open"
    assert str(talk.pk) in browser("owner").get(f"/admin/inbox/?view=open&{query}").content.decode()


def test_history_page_does_not_exist(browser: Browser, page: str) -> None:
    assert browser("owner").get(f"{page}history/").status_code == 404


@pytest.mark.slow
def test_each_view_is_an_audit_entry(browser: Browser, page: str) -> None:
    client = browser("viewer")
    client.get(page)
    client.get(page)
    assert AuditEntry.objects.filter(action="CONVERSATION_VIEWED").count() == 2


@pytest.mark.slow
def test_live_refresh_of_a_recorded_view_writes_none(browser: Browser, page: str) -> None:
    client = browser("viewer")
    client.get(page)
    client.get(page, headers={"X-Walker-Fragment": "1"})
    assert AuditEntry.objects.filter(action="CONVERSATION_VIEWED").count() == 1


def test_fragment_without_a_view_is_recorded(browser: Browser, page: str) -> None:
    browser("viewer").get(page, headers={"X-Walker-Fragment": "1"})
    assert AuditEntry.objects.filter(action="CONVERSATION_VIEWED").count() == 1


def test_conversation_of_another_tenant_is_not_found(browser: Browser, page: str) -> None:
    assert browser("owner", outside=True).get(page).status_code == 404


@pytest.mark.slow
def test_staff_reply_takes_the_conversation(browser: Browser, talk: Conversation, page: str) -> None:
    browser("support").post(f"{page}reply/", {"text": "I look into it."})
    talk.refresh_from_db()
    assert talk.state == "person"
    assert "I look into it." in browser("support").get(page).content.decode()


def test_take_over_and_give_back(browser: Browser, talk: Conversation, page: str) -> None:
    client = browser("support")
    client.post(f"{page}take-over/")
    talk.refresh_from_db()
    assert talk.state == "person"
    client.post(f"{page}give-back/")
    talk.refresh_from_db()
    assert talk.state == "agent"


def test_closing_asks_whether_it_is_resolved(browser: Browser, talk: Conversation, page: str) -> None:
    client = browser("support")
    assert client.post(f"{page}close/", {}).status_code == 400
    client.post(f"{page}close/", {"resolved": "no"})
    talk.refresh_from_db()
    assert (talk.state, talk.resolved) == ("closed", False)


@pytest.mark.parametrize("verb", ["reply", "take-over", "give-back", "close", "reveal"])
def test_viewer_may_not_post(browser: Browser, page: str, verb: str) -> None:
    assert browser("viewer").post(f"{page}{verb}/", {"text": "x"}).status_code == 403


@pytest.mark.parametrize("verb", ["reply", "take-over", "give-back", "close", "reveal"])
def test_get_of_an_action_changes_nothing(browser: Browser, talk: Conversation, page: str, verb: str) -> None:
    browser("admin").get(f"{page}{verb}/?text=x&resolved=yes&reason=because&fields_wanted=contact")
    talk.refresh_from_db()
    assert talk.state == "agent"
    assert not RevealGrant.objects.exists()


@pytest.mark.slow
def test_email_shows_its_subject_folds_what_it_quotes_and_doubts_its_sender(
    browser: Browser, talk: Conversation, page: str
) -> None:
    facts = {"subject": f"Order <b>4</b> of {EMAIL}", "quoted": f"<img src=x> Call {PHONE}", "automatic": "auto_reply"}
    text = f"{facts['subject']}\n\nI am away."
    values = {"body": text, "masked_body": mask_text(text), "metadata": {"mail": facts}, "sender_verified": False}
    Message.objects.filter(conversation=talk).update(**values)
    shown = browser("viewer").get(page).content.decode()
    assert leaks(shown) == []
    assert shown.count("Order &lt;b&gt;4&lt;/b&gt; of") == 1  # not once more as the beginning of the text
    for part in ("<summary>Show quoted text", "&lt;img src=x&gt; Call", "Automatic reply", "Sender not verified"):
        assert part in shown
    row = browser("viewer").get(f"/api/v1/conversations/{talk.pk}/messages/").json()["results"][0]
    assert (row["mail"]["automatic"], row["mail"]["is_proven"], EMAIL in row["mail"]["subject"]) == (
        "auto_reply",
        False,
        False,
    )
    long = {**facts, "quoted": "x" * 2180 + f" {PHONE} " + "y" * 900}
    Message.objects.filter(conversation=talk).update(metadata={"mail": long})
    shown = browser("viewer").get(page).content.decode()
    assert (leaks(shown), PHONE[:8] in shown, "…</blockquote>" in shown) == ([], False, True)
    Message.objects.filter(conversation=talk).update(
        metadata={"mail": {**facts, "automatic": ""}}, sender_verified=True
    )
    shown = browser("viewer").get(page).content.decode()
    assert "Sender not verified" not in shown
    assert "Automatic reply" not in shown


@pytest.mark.slow
def test_message_that_quotes_another_shows_a_masked_line_of_it_for_one_query(
    browser: Browser, line: ChannelAccount, talk: Conversation, page: str
) -> None:
    first = Message.objects.filter(conversation=talk).earliest("seq")
    text = f"Write to {EMAIL} <b>or</b> {'else ' * 50}"
    Message.objects.filter(pk=first.pk).update(body=text, masked_body=mask_text(text), channel_message_id="wamid.1")
    client = browser("viewer")
    client.get(page)

    def counted() -> tuple[int, str]:
        with CaptureQueriesContext(connection) as queries:
            shown = client.get(page).content.decode()
        return len(queries), shown

    assert [write_in(line, "See above") for _ in range(6)] == [talk.pk] * 6
    answers = Message.objects.filter(conversation=talk).exclude(pk=first.pk).values_list("pk", flat=True)
    before, shown = counted()
    assert "wk-answers" not in shown
    for number, key in enumerate(list(answers)):
        # The last one quotes what isn't here.
        quoted = "wamid.1" if number < 5 else "wamid.elsewhere"
        Message.objects.filter(pk=key).update(metadata={"reply_to": quoted})
    after, shown = counted()
    assert (leaks(shown), after - before) == ([], 1)
    assert shown.count('<span class="wk-answers">') == 5
    assert "&lt;b&gt;or&lt;/b&gt; else" in shown
    Message.objects.filter(pk=first.pk).update(masked_body="", body="", content_type="image")
    assert "In reply to: </span><bdi>[Image]</bdi>" in counted()[1]


@pytest.mark.slow
def test_reveal_shows_clear_text_and_is_audited(browser: Browser, page: str) -> None:
    client = browser("compliance")
    form = {"fields_wanted": ["contact", "messages"], "reason": "The customer asks what we hold."}
    client.post(f"{page}reveal/", form)
    shown = client.get(page).content.decode()
    assert EMAIL in shown
    assert "masked again in" in shown
    assert AuditEntry.objects.filter(action="PII_ACCESSED").count() == 1


def test_audit_entry_of_a_reveal_tells_the_reason_masked(browser: Browser, page: str) -> None:
    client = browser("compliance")
    client.post(f"{page}reveal/", {"fields_wanted": ["contact"], "reason": f"Wrote to {EMAIL} twice."})
    entry = AuditEntry.objects.get(action="PII_ACCESSED")
    shown = client.get(f"/admin/core/auditentry/{entry.pk}/").content.decode()
    assert "Personal data accessed" in shown
    assert "Reason: Wrote to" in shown
    assert EMAIL not in shown


def test_reveal_of_the_contact_keeps_messages_masked(browser: Browser, page: str) -> None:
    client = browser("compliance")
    client.post(f"{page}reveal/", {"fields_wanted": ["contact"], "reason": "I have to call back."})
    shown = client.get(page).content.decode()
    assert "34600123456" in shown.replace(" ", "")
    assert EMAIL not in shown
    assert "You can see the contact unmasked" in shown


def test_second_reveal_hides_nothing_that_the_first_showed(browser: Browser, page: str) -> None:
    client = browser("compliance")
    for fields in (["contact", "messages"], ["contact"]):
        client.post(f"{page}reveal/", {"fields_wanted": fields, "reason": "The customer asks what we hold."})
    shown = client.get(page).content.decode()
    assert EMAIL in shown
    assert "You can see the contact and the messages unmasked" in shown


@pytest.mark.parametrize(("fields", "is_offered"), [(["contact"], True), (["contact", "messages"], False)])
def test_reveal_is_offered_while_something_is_masked(
    browser: Browser, page: str, fields: list[str], is_offered: bool
) -> None:
    client = browser("compliance")
    client.post(f"{page}reveal/", {"fields_wanted": fields, "reason": "I have to call back."})
    assert (f"{page}reveal/" in client.get(page).content.decode()) == is_offered


@pytest.mark.slow
def test_reveal_helps_nobody_else(browser: Browser, page: str) -> None:
    form = {"fields_wanted": ["contact", "messages"], "reason": "The customer asks what we hold."}
    browser("compliance").post(f"{page}reveal/", form)
    assert leaks(browser("owner").get(page).content.decode()) == []


def test_reveal_without_the_right_is_refused(acme: World, talk: Conversation) -> None:
    asked = {"object_type": OBJECT, "object_id": talk.pk, "fields": ["contact"]}
    with pytest.raises(Refused):
        reveal(actor=acme.actor("support"), reason="I would like to know.", **asked)  # type: ignore[arg-type]


def test_reveal_without_a_reason_is_refused(acme: World, talk: Conversation) -> None:
    asked = {"object_type": OBJECT, "object_id": talk.pk, "fields": ["contact"]}
    with pytest.raises(Invalid):
        reveal(actor=acme.actor("owner"), reason="  ", **asked)  # type: ignore[arg-type]


def test_grant_ends_after_five_minutes(acme: World, talk: Conversation) -> None:
    viewer = acme.actor("owner")
    about = {"object_type": OBJECT, "object_id": talk.pk}
    reveal(actor=viewer, fields=["contact"], reason="I have to call back.", **about)  # type: ignore[arg-type]
    assert get_active_reveal(actor=viewer, **about)  # type: ignore[arg-type]
    assert not get_active_reveal(actor=viewer, now=now() + timedelta(minutes=5, seconds=1), **about)  # type: ignore[arg-type]


def test_reveals_end_each_at_its_own_time(acme: World, talk: Conversation) -> None:
    viewer, about = acme.actor("owner"), {"object_type": OBJECT, "object_id": talk.pk}
    later = now() + timedelta(minutes=2)
    first = reveal(actor=viewer, fields=["messages"], reason="I have to read it.", **about)  # type: ignore[arg-type]
    reveal(actor=viewer, fields=["contact"], reason="I have to call back.", now=later, **about)  # type: ignore[arg-type]
    both = get_active_reveal(actor=viewer, now=later, **about)  # type: ignore[arg-type]
    assert both == ActiveReveal(frozenset({"contact", "messages"}), first.expires_at)
    left = get_active_reveal(actor=viewer, now=first.expires_at + timedelta(seconds=1), **about)  # type: ignore[arg-type]
    assert left
    assert left.fields == {"contact"}


def post(browser: Browser, page: str, verb: str, role: str = "support", **fields: str) -> int:
    """Post the form of an action; returns the answer's status."""
    return browser(role).post(f"{page}{verb}/", fields).status_code


DOORS = {
    "assign": ("colleague", "CONVERSATION_ASSIGNED"),
    "escalate": ("legal", "CONVERSATION_ESCALATED"),
    "name": ("Ana Maria", "CONTACT_NAMED"),
    "tag": ("vip", "CONTACT_TAGGED"),
    "note": ("They call back on Monday.", "CONVERSATION_NOTED"),
}
FIELDS = {"assign": "colleague", "escalate": "reason", "name": "name", "tag": "tag", "note": "note"}


@pytest.mark.parametrize("verb", DOORS)
def test_door_changes_and_records(browser: Browser, world: World, page: str, verb: str) -> None:
    value, action = DOORS[verb]
    value = str(world.people["admin"].pk) if verb == "assign" else value
    assert post(browser, page, verb, **{FIELDS[verb]: value}) == 302
    assert AuditEntry.objects.filter(action=action).exists()


@pytest.mark.parametrize("verb", DOORS)
def test_viewer_finds_the_doors_closed(browser: Browser, page: str, verb: str) -> None:
    assert post(browser, page, verb, "viewer", **{FIELDS[verb]: "legal"}) == 403
    assert f"{page}{verb}/" not in browser("viewer").get(page).content.decode()


def test_assigning_to_somebody_without_the_right_is_refused(browser: Browser, world: World, page: str) -> None:
    assert post(browser, page, "assign", colleague=str(world.people["viewer"].pk)) == 400


@pytest.mark.slow
def test_tag_is_shown_and_can_be_removed(browser: Browser, page: str) -> None:
    post(browser, page, "tag", tag="vip")
    assert browser("support").get(page).context["tags"] == ["vip"]
    post(browser, page, "untag", tag="vip")
    assert browser("support").get(page).context["tags"] == []


@pytest.mark.slow
def test_give_back_is_offered_once_somebody_took_it(browser: Browser, page: str) -> None:
    client = browser("support")
    post(browser, page, "escalate", reason="legal")
    shown = client.get(page).content.decode()
    assert ("Handed over by Support Acme" in shown, f"{page}give-back/" in shown) == (True, False)
    post(browser, page, "take-over")
    assert f"{page}give-back/" in client.get(page).content.decode()


def test_colleague_is_shown_by_name_and_a_customer_is_not(browser: Browser, world: World, talk: Conversation) -> None:
    client = browser("viewer")
    assert "Admin A." not in client.get("/admin/inbox/?view=open").content.decode()
    Contact.objects.update(user=world.people["admin"])
    assert "Admin A." in client.get("/admin/inbox/?view=open").content.decode()


@pytest.mark.slow
def test_list_in_an_answer_is_drawn_and_its_markup_stays_text(browser: Browser, talk: Conversation, page: str) -> None:
    said = "Two ways:\n- <b>by mail</b>\n- by phone\n\nWhich one?"
    services.reply(actor=DOOR, conversation_id=talk.pk, draft=Draft(text=said, sender=Sender(name="Paid Ads")))
    shown = browser("support").get(page).content.decode()
    items = "<li>&lt;b&gt;by mail&lt;/b&gt;</li><li>by phone</li>"
    assert f'Two ways:<ul class="wk-said">{items}</ul>Which one?' in shown


@pytest.mark.slow
def test_excerpt_on_a_request_calls_a_colleague_by_name_and_a_customer_customer(
    browser: Browser, acme: World, talk: Conversation
) -> None:
    add_workflow(acme)
    request = ask(acme, origin={"conversation_id": talk.pk})
    path, client = f"/admin/hitl/approval/{request.pk}/", browser("admin")
    before = client.get(path)
    assert "<bdi>Customer</bdi>" in before.content.decode()
    words = before.context["words"]  # what changes begins with them, masked
    assert (words["who"], bool(words["text"]), EMAIL in words["text"]) == ("Customer", True, False)
    Contact.objects.update(user=acme.people["support"])
    assert "<bdi>Support A., colleague</bdi>" in client.get(path).content.decode()


@pytest.mark.slow
def test_earlier_messages_are_a_page_away(
    browser: Browser, line: ChannelAccount, page: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admin_page, "SHOWN", 1)
    write_in(line, "The second message")
    newest = browser("viewer").get(page)
    assert [turn.text for turn in newest.context["turns"]] == ["The second message"]
    earlier = browser("viewer").get(f"{page}?before={newest.context['earlier']}")
    assert "The second message" not in earlier.content.decode()

"""What the console says about who can be written to, and the pages of consents and blocks."""

from datetime import timedelta

import pytest
from django.db.models import F

from conversations.models import ChannelAccount, Conversation
from core.models import Consent, ReachPolicy, ReplyWindow
from tests.console.conftest import Browser
from tests.console.scene import PHONE, write_in
from tests.world import World

pytestmark = pytest.mark.django_db
CONSENTS = "/admin/core/consent/"


@pytest.fixture
def talk(acme: World) -> Conversation:
    """A customer who wrote by WhatsApp."""
    line = ChannelAccount.objects.create(kind="whatsapp", provider="twilio", name="Line", address="+34900")
    found: Conversation = Conversation.objects.get(pk=write_in(line, "Hello"))
    return found


def test_composer_shows_the_countdown_then_the_choices_then_the_template(browser: Browser, talk: Conversation) -> None:
    support, page = browser("support"), f"/admin/conversations/conversation/{talk.pk}/"
    assert "data-countdown" in support.get(page).content.decode()
    ReplyWindow.objects.update(wrote_at=F("wrote_at") - timedelta(hours=24))
    closed = support.get(page).content.decode()
    assert "data-countdown" not in closed
    assert "They last wrote more than 24 hours ago" in closed
    assert "Wait: when they write again" in closed
    assert "none of theirs is open here" in closed
    assert "no template to send instead" in closed
    refused = support.post(f"{page}reply/", {"text": "Hello"})
    assert (refused.status_code, "24 hours" in refused.content.decode()) == (409, True)
    account = talk.channel_account
    account.credentials = {"template_sid": "HX" + "0" * 32}
    account.save(update_fields=["credentials"])
    assert "Send a template: write below" in support.get(page).content.decode()
    assert support.post(f"{page}reply/", {"text": "Hello"}).status_code == 400
    assert support.post(f"{page}reply/", {"text": "Hello", "as_template": "on"}).status_code == 302
    assert talk.messages.get(direction="out").metadata["as_template"] is True


def test_contact_is_blocked_and_unblocked_on_their_page(browser: Browser, talk: Conversation) -> None:
    support, page = browser("support"), f"/admin/conversations/contact/{talk.contact_id}/"
    assert support.post(f"{page}block/").status_code == 302
    shown = support.get(page).content.decode()
    assert "Blocked by a colleague" in shown
    blocked = support.get(f"/admin/conversations/conversation/{talk.pk}/").content.decode()
    assert "This contact is blocked." in blocked
    assert f'Unblock them on <a href="{page}">' in blocked
    assert support.post(f"{page}unblock/").status_code == 302
    assert "Blocked by a colleague" not in support.get(page).content.decode()


def test_consents_are_listed_recorded_and_shown_without_addresses(browser: Browser, talk: Conversation) -> None:
    support = browser("support")
    form = {"address": PHONE, "state": "withdrawn", "purpose": "marketing", "channel": "any"}
    assert support.post(f"{CONSENTS}record/", form).status_code == 302
    assert support.post(f"{CONSENTS}record/", {**form, "address": "unknown@customer.example"}).status_code == 302
    listed = support.get(CONSENTS).content.decode()
    assert f"Contact {str(talk.contact_id)[-6:]}" in listed
    assert "Unknown address" in listed
    assert "wk-tone-danger" in listed
    assert "unknown@customer.example" not in listed
    for line in Consent.objects.all():
        assert "Opted out" in support.get(f"{CONSENTS}{line.pk}/").content.decode()
    assert browser("viewer").get(CONSENTS).status_code == 403


def test_rules_are_changed_by_who_may_and_checked(browser: Browser, talk: Conversation) -> None:
    rules = {"zone": "Europe/Madrid", "quiet_from": "21:00", "quiet_until": "08:00", "per_contact": "2", "per_day": "0"}
    assert browser("support").post(f"{CONSENTS}rules/", rules).status_code == 403
    assert browser("admin").post(f"{CONSENTS}rules/", {**rules, "quiet_until": ""}).status_code == 400
    assert browser("admin").post(f"{CONSENTS}rules/", rules).status_code == 302
    row = ReachPolicy.objects.get()
    assert (row.zone, row.per_contact, row.needs_consent) == ("Europe/Madrid", 2, False)

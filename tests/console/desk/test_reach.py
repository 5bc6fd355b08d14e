"""What the console says about who can be written to, and the pages of consents and blocks."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db.models import F

from conversations.channel_accounts.templates import FoundTemplate, fill_template, store_templates, use_template
from conversations.models import ChannelAccount, Conversation, MessageTemplate
from core.errors import Conflict
from core.models import AuditEntry, Consent, ConsentWording, ReachPolicy, ReplyWindow
from tests.console.conftest import Browser
from tests.console.scene import PHONE, write_in
from tests.templating import choose_template
from tests.world import OPERATOR, World

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
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
    choose_template(talk.channel_account)
    offered = support.get(page).content.decode()
    assert "Send a template: write below" in offered
    assert "News about your request: [your text]" in offered
    assert support.post(f"{page}reply/", {"text": "Hello"}).status_code == 400
    assert support.post(f"{page}reply/", {"text": "Hello", "as_template": "on"}).status_code == 302
    assert talk.messages.get(direction="out").metadata["as_template"] is True


def test_colleague_chooses_a_template_for_reopening_by_its_language(browser: Browser, talk: Conversation) -> None:
    support, page, line = browser("support"), f"/admin/conversations/conversation/{talk.pk}/", talk.channel_account
    ReplyWindow.objects.update(wrote_at=F("wrote_at") - timedelta(hours=24))
    texts = {("update", "en"): "News: {{1}}", ("again", "en"): "Hello again: {{1}}", ("again", "de"): "Hallo: {{1}}"}
    store_templates(
        account_id=line.pk,
        found=[FoundTemplate(*key, f"{key}", "approved", body=body) for key, body in texts.items()],
    )
    for template in MessageTemplate.objects.filter(name="again"):
        use_template(actor=OPERATOR, template_id=template.pk, use="reopening")
    offered = support.get(page).content.decode()
    assert offered.index("Hello again: [your text]") < offered.index("Hallo: [your text]")
    assert "News: [your text]" not in offered
    sent = {"text": "Hi", "as_template": "on"}
    assert support.post(f"{page}reply/", {**sent, "template_language": "fr"}).status_code == 400
    assert support.post(f"{page}reply/", {**sent, "template_language": "de"}).status_code == 302
    written = talk.messages.get(direction="out")
    line.refresh_from_db()
    filled = fill_template(line, written.body, written.metadata)
    assert not isinstance(filled, str)
    assert (filled.name, filled.language, filled.values) == ("again", "de", {"1": "Hi"})
    store_templates(account_id=line.pk, found=[FoundTemplate("again", "de", "1", "approved", body="Hallo: {{1}}")])
    assert "Hallo: [your text]" in support.get(page).content.decode()
    assert support.post(f"{page}reply/", sent).status_code == 302


def test_every_gap_has_a_field_and_what_has_no_gap_is_refused(browser: Browser, talk: Conversation) -> None:
    support, page, line = browser("support"), f"/admin/conversations/conversation/{talk.pk}/", talk.channel_account
    ReplyWindow.objects.update(wrote_at=F("wrote_at") - timedelta(hours=24))
    bodies = {"en": "{{1}} about {{order_number}}", "de": "Wir haben Neues.", "pt_BR": "Notícias: {{1}}"}
    store_templates(
        account_id=line.pk,
        found=[FoundTemplate("again", key, key, "approved", body=body) for key, body in bodies.items()],
    )
    for template in MessageTemplate.objects.all():
        use_template(actor=OPERATOR, template_id=template.pk, use="reopening")
    with pytest.raises(Conflict) as refused:
        use_template(actor=OPERATOR, template_id=MessageTemplate.objects.get(language="de").pk, use="outcome")
    assert refused.value.code == "template_without_gap"
    offered = support.get(page).content.decode()
    assert "Gap 2: order number" in offered
    assert "English: “[your text] about [gap 2]”" in offered
    sent = {"text": "News", "as_template": "on", "template_language": "en"}
    assert "The template needs this" in support.post(f"{page}reply/", sent).content.decode()
    lost = support.post(f"{page}reply/", {**sent, "template_language": "de"})
    assert (lost.status_code, "no gap for this" in lost.content.decode()) == (400, True)
    assert support.post(f"{page}language/", {"language": "pt_BR"}).status_code == 302
    assert "Portuguese (Brazil)" in support.get(f"/admin/conversations/contact/{talk.contact_id}/").content.decode()
    preferred = support.get(page).content.decode()
    assert preferred.index("Notícias") < preferred.index("[your text] about")
    assert support.post(f"{page}reply/", {**sent, "gap_2": "A-17"}).status_code == 302
    assert support.post(f"{page}reply/", {"as_template": "on", "template_language": "de"}).status_code == 302
    line.refresh_from_db()
    first, second = talk.messages.filter(direction="out").order_by("seq")
    filled = fill_template(line, first.body, first.metadata)
    assert not isinstance(filled, str)
    assert filled.values == {"1": "News", "order_number": "A-17"}
    assert second.body == "Wir haben Neues."
    own = fill_template(line, "x", {"template_use": "reopening"}, "pt_PT")
    assert not isinstance(own, str)
    assert own.language == "pt_BR"


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


def test_consent_is_recorded_on_the_contacts_page_for_an_address_and_a_channel(
    browser: Browser, talk: Conversation
) -> None:
    support, page = browser("support"), f"/admin/conversations/contact/{talk.contact_id}/"
    point = talk.contact.points.get(kind="phone")
    assert "Record consent or opt-out…" in support.get(page).content.decode()
    form = {"address": str(point.pk), "state": "given", "purpose": "marketing", "channel": "sms"}
    wrong = [{"address": str(uuid4())}, {"channel": "pigeon"}, {"purpose": "fun"}, {"at": "2999-01-01T00:00"}]
    for changed in wrong:
        refused = support.post(f"{page}record-consent/", {**form, **changed})
        assert (refused.status_code, point.value in refused.content.decode()) == (400, False), changed
    assert browser("viewer").post(f"{page}record-consent/", form).status_code == 403
    assert not Consent.objects.exists()
    assert support.post(f"{page}record-consent/", form).status_code == 302
    line, shown = Consent.objects.get(), support.get(page).content.decode()
    assert (line.address_index, line.channel, line.state) == (point.value_index, "sms", "given")
    assert ("Marketing · SMS" in shown, point.value in shown) == (True, False)
    assert AuditEntry.objects.filter(action="CONSENT_RECORDED", object_id=line.pk).count() == 1


def test_consent_is_shown_with_its_words_and_its_end(browser: Browser, talk: Conversation) -> None:
    support, page = browser("support"), f"/admin/conversations/contact/{talk.contact_id}/"
    assert browser("support").post("/admin/core/consentwording/write/", {"purpose": "marketing"}).status_code == 403
    words = {"purpose": "marketing", "text": "Send me offers."}
    assert browser("admin").post("/admin/core/consentwording/write/", words).status_code == 302
    wording = ConsentWording.objects.get()
    form = {
        "address": str(talk.contact.points.get(kind="phone").pk),
        "state": "given",
        "purpose": "marketing",
        "channel": "any",
        "wording_id": str(wording.pk),
        "way": "paper",
        "at": "2026-01-01T10:00",
    }
    assert support.post(f"{page}record-consent/", {**form, "place": "ana@customer.example"}).status_code == 400
    assert support.post(f"{page}record-consent/", {**form, "expires_at": "2026-02-01T10:00"}).status_code == 302
    shown = support.get(page).content.decode()
    assert [words for words in ("Expired", "Marketing, version 1", "Paper") if words not in shown] == []
    assert support.post(f"{page}record-consent/", {**form, "expires_at": "2999-01-01T00:00"}).status_code == 302
    assert "Until <time" in support.get(page).content.decode()
    assert "Agreed, expired" in support.get(CONSENTS).content.decode()
    assert "Send me offers." in support.get(f"/admin/core/consentwording/{wording.pk}/").content.decode()


def test_rules_are_changed_by_who_may_and_checked(browser: Browser, talk: Conversation) -> None:
    rules = {"zone": "Europe/Madrid", "quiet_from": "21:00", "quiet_until": "08:00", "per_contact": "2", "per_day": "0"}
    assert browser("support").post(f"{CONSENTS}rules/", rules).status_code == 403
    assert browser("admin").post(f"{CONSENTS}rules/", {**rules, "quiet_until": ""}).status_code == 400
    assert browser("admin").post(f"{CONSENTS}rules/", rules).status_code == 302
    row = ReachPolicy.objects.get()
    assert (row.zone, row.per_contact, row.needs_consent) == ("Europe/Madrid", 2, False)

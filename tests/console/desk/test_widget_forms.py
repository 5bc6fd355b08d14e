"""Web chats in the console: made, told where they may stand, given a secret."""

import pytest
from django.test import Client

from channels_app.web_chat.settings import widgets
from conversations.models import ChannelAccount
from core.models import AuditEntry
from tests.console.conftest import Browser
from tests.world import World

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("acme")]
CHANNELS = "/admin/conversations/channelaccount/"


def make(client: Client, websites: str = "https://shop.example", **more: str) -> int:
    """Post the form; returns the answer's status."""
    return client.post(f"{CHANNELS}new-widget/", {"name": "Shop", "websites": websites, **more}).status_code


def test_web_chat_made_by_the_form_is_found_by_its_key(browser: Browser) -> None:
    assert make(browser(), "https://shop.example/\nhttp://localhost:3000", greeting="Hello") == 302
    found = widgets.find_widget(ChannelAccount.objects.get().public_key)
    assert (found.origins, found.greeting) == (("https://shop.example", "http://localhost:3000"), "Hello")


@pytest.mark.parametrize("websites", ["shop.example", "https://shop.example/path", "*", "javascript:alert(1)"])
def test_what_is_no_origin_is_refused(browser: Browser, websites: str) -> None:
    assert make(browser(), websites) == 400
    assert not ChannelAccount.objects.exists()


def test_change_keeps_the_secret(browser: Browser) -> None:
    make(browser())
    account = ChannelAccount.objects.get()
    shown = browser().post(f"{CHANNELS}{account.pk}/identity-secret/")
    browser().post(f"{CHANNELS}{account.pk}/widget/", {"name": "Shop 2", "websites": "", "is_active": "on"})
    account.refresh_from_db()
    assert account.credentials["identity_secret"] in shown.content.decode()
    assert (account.name, account.origins, account.is_active) == ("Shop 2", [], True)


@pytest.mark.parametrize(("websites", "warned"), [("", True), ("https://shop.example", False)])
def test_new_web_chat_leads_to_what_to_paste_and_warns_without_a_website(
    browser: Browser, websites: str, warned: bool
) -> None:
    page = browser().post(f"{CHANNELS}new-widget/", {"name": "Shop", "websites": websites}, follow=True)
    assert "Paste the code below" in page.content.decode()
    assert ("No website can show this chat yet" in page.content.decode()) is warned


def test_page_shows_what_to_paste(browser: Browser) -> None:
    make(browser())
    account = ChannelAccount.objects.get()
    assert f'widget="{account.public_key}"' in browser().get(f"{CHANNELS}{account.pk}/").content.decode()


def test_secret_is_not_in_the_audit(browser: Browser) -> None:
    make(browser())
    account = ChannelAccount.objects.get()
    browser().post(f"{CHANNELS}{account.pk}/identity-secret/")
    account.refresh_from_db()
    entry = AuditEntry.objects.get(action="CHANNEL_SECRET_REPLACED")
    assert account.credentials["identity_secret"] not in str(entry.facts)


def test_role_without_the_right_makes_none(browser: Browser, world: World) -> None:
    assert make(browser("approver")) == 403


def test_labels_of_a_page_are_words(browser: Browser) -> None:
    make(browser())
    shown = browser().get(f"{CHANNELS}{ChannelAccount.objects.get().pk}/").context["rows"]
    assert {"Created", "Pictures and PDFs"} <= {label for label, _ in shown}
    assert not [label for label, _ in shown if "_" in label or label[0].islower()]

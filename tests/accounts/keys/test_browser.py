"""Keys in a real browser, with Chromium's virtual authenticator: at a phone's width, by keyboard, and refused."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from accounts.models import User
from tests.accounts.resets.resetting import person_of
from tests.edge.browser import keep_picture, serious
from tests.world import PASSWORD, World

pytestmark = [pytest.mark.browser, pytest.mark.slow]
KEY = {
    "protocol": "ctap2",
    "transport": "usb",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


@pytest.fixture
def person(committed_world: World) -> User:
    """The approver, with a password."""
    return person_of(committed_world)


@pytest.fixture
def page(chromium: Browser, live_server: LiveServer, settings: Any) -> Iterator[Page]:
    """A page of a phone that has a key."""
    settings.PUBLIC_URL = live_server.url
    context = chromium.new_context(viewport={"width": 390, "height": 844}, base_url=live_server.url)
    found = context.new_page()
    devices = context.new_cdp_session(found)
    devices.send("WebAuthn.enable")
    devices.send("WebAuthn.addVirtualAuthenticator", {"options": KEY})
    yield found
    context.close()


def give_password(page: Page, person: User) -> None:
    """Sign in by the form."""
    page.goto("/admin/login/")
    page.fill("#id_username", person.email)
    page.fill("#id_password", PASSWORD)
    page.keyboard.press("Enter")


def open_form(page: Page, person: User) -> None:
    """Sign in, and come to the form for a key."""
    give_password(page, person)
    expect(page.get_by_role("heading", name=re.compile("Hello"))).to_be_visible()
    page.goto("/account/2fa/")
    page.get_by_role("link", name="Add a key").click()
    page.fill("#id_password", PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Add a security key")).to_be_visible()


def test_key_is_added_and_signs_in_with_the_password(page: Page, person: User, request: pytest.FixtureRequest) -> None:
    open_form(page, person)
    keep_picture(page, request.node.name)
    assert serious(page) == []
    page.fill("#id_name", "Blue key")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Recovery codes")).to_be_visible()
    page.goto("/account/2fa/")
    expect(page.get_by_role("link", name="Rename Blue key")).to_be_visible()
    assert serious(page) == []
    page.context.clear_cookies()
    give_password(page, person)
    expect(page.get_by_role("heading", name="Use your security key")).to_be_visible()
    assert serious(page) == []
    page.get_by_role("button", name="Use your security key").click()
    expect(page.get_by_role("heading", name=re.compile("Hello"))).to_be_visible()


def test_passkey_signs_in_without_the_password(page: Page, person: User, request: pytest.FixtureRequest) -> None:
    open_form(page, person)
    page.get_by_label("Passkey: sign in with it instead of my password").check()
    page.get_by_role("button", name="Add key").click()
    expect(page.get_by_role("heading", name="Recovery codes")).to_be_visible()
    page.context.clear_cookies()
    page.goto("/admin/login/?next=/account/2fa/")
    keep_picture(page, request.node.name)
    assert serious(page) == []
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.get_by_text("Passkey", exact=True)).to_be_visible()
    page.context.clear_cookies()
    page.add_init_script("delete window.PublicKeyCredential")
    page.goto("/admin/login/")
    expect(page.get_by_role("button", name="Sign in with a passkey")).to_be_hidden()


def test_browser_that_refuses_or_knows_no_keys_says_so(page: Page, person: User) -> None:
    open_form(page, person)
    refuse = "navigator.credentials.create = () => Promise.reject(new DOMException('', 'NotAllowedError'))"
    page.evaluate(f"() => {{ {refuse} }}")
    page.get_by_role("button", name="Add key").click()
    expect(page.get_by_role("alert")).to_contain_text("No key was confirmed in time")
    page.evaluate("delete window.PublicKeyCredential")
    page.get_by_role("button", name="Add key").click()
    expect(page.get_by_role("alert")).to_contain_text("This browser can't use security keys")

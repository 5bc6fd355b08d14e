"""A person is erased in a real browser: what is typed, how far it is, what came of it."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from playwright.sync_api import Browser, Page
from pytest_django.live_server_helper import LiveServer

from core.models import Erasure
from core.tenancy.scope import tenant_scope
from tests.edge.browser import keep_picture, serious
from tests.erasure.scene import Traces, finish
from tests.erasure.test_doors import contact_page, signed_in

pytestmark = [pytest.mark.browser, pytest.mark.slow]
LOOKS: dict[str, dict[str, Any]] = {
    "light": {"viewport": {"width": 1360, "height": 900}, "color_scheme": "light"},
    "dark": {"viewport": {"width": 1360, "height": 900}, "color_scheme": "dark"},
    "phone": {"viewport": {"width": 390, "height": 844}, "color_scheme": "light"},
}


@pytest.fixture
def page(chromium: Browser, live_server: LiveServer, committed_traces: Traces, look: str) -> Iterator[Page]:
    """A page of the compliance officer, signed in with a second factor."""
    name = settings.SESSION_COOKIE_NAME
    session = signed_in(committed_traces.world, "compliance").cookies[name].value
    context = chromium.new_context(base_url=live_server.url, reduced_motion="reduce", **LOOKS[look])
    context.add_cookies([{"name": name, "value": session, "url": live_server.url}])
    yield context.new_page()
    context.close()


@pytest.mark.parametrize("look", ["phone", *(pytest.param(look, marks=pytest.mark.slow) for look in ("light", "dark"))])
def test_person_is_erased_and_the_result_is_shown(page: Page, committed_traces: Traces, look: str) -> None:
    page.goto(contact_page(committed_traces))
    keep_picture(page, f"erase-contact-{look}")
    assert serious(page, least="minor") == []
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    page.locator("summary", has_text="More actions").click()
    assert serious(page, least="minor") == []
    page.get_by_role("link", name="Erase this person").click()
    page.get_by_label("Type “erase” to confirm").fill("erase")
    page.get_by_role("button", name="Erase permanently").click()
    page.wait_for_url("**/admin/core/erasure/**")
    keep_picture(page, f"erase-progress-{look}")
    with tenant_scope(committed_traces.world.acme.pk):
        finish(Erasure.objects.get().pk)
    page.get_by_text("Done").wait_for()
    keep_picture(page, f"erase-result-{look}")
    assert serious(page, least="minor") == []
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    if look == "light":
        for name, path in (("list", "/admin/core/erasure/"), ("contacts", "/admin/conversations/contact/")):
            page.goto(path)
            keep_picture(page, f"erase-{name}-{look}")
            assert serious(page, least="minor") == []

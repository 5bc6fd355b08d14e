"""The page of a decision link in a real browser: it decides, it fits a phone, it has no accessibility fault."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page
from pytest_django.live_server_helper import LiveServer

from core.tenancy.scope import tenant_scope
from hitl.models import Approval
from hitl.services import make_link
from tests.console.scene import add_workflow, ask
from tests.edge.browser import keep_picture, serious
from tests.world import OPERATOR, World

Opener = Callable[..., Page]

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture
def asked(chromium: Browser, committed_world: World) -> Approval:
    """A request of so little risk that a link decides it."""
    with tenant_scope(committed_world.acme.pk):
        add_workflow(committed_world)
        return ask(committed_world, params={"campaign": "Summer Sale", "budget": "110.00"})


@pytest.fixture
def opened(chromium: Browser, live_server: LiveServer, committed_world: World, asked: Approval) -> Iterator[Opener]:
    """Open the approver's link, light or dark, on a desk or a phone."""
    contexts: list[Any] = []

    def open_page(*, dark: bool = False, phone: bool = False) -> Page:
        size: Any = {"width": 390, "height": 844} if phone else {"width": 1360, "height": 900}
        context = chromium.new_context(viewport=size, color_scheme="dark" if dark else "light", reduced_motion="reduce")
        contexts.append(context)
        with tenant_scope(committed_world.acme.pk):
            person = committed_world.people["approver"].pk
            secret = make_link(actor=OPERATOR, approval_id=asked.pk, person_id=person)
        page = context.new_page()
        page.goto(f"{live_server.url}/d/{secret}/")
        return page

    yield open_page
    for context in contexts:
        context.close()


@pytest.mark.parametrize(("dark", "phone"), [(False, False), (True, True)])
def test_link_page_has_no_fault_and_fits(opened: Opener, dark: bool, phone: bool) -> None:
    page = opened(dark=dark, phone=phone)
    keep_picture(page, f"link-{'dark' if dark else 'light'}-{'phone' if phone else 'desk'}")
    assert serious(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_person_decides_in_a_browser_that_names_no_origin(opened: Opener, asked: Approval) -> None:
    page = opened(phone=True)
    page.get_by_role("button", name="Send decision").click()
    assert "Nothing was decided." in page.inner_text("[role=alert]")
    assert serious(page) == []
    keep_picture(page, "link-error-phone")
    page.get_by_label("Approve", exact=True).check()
    page.get_by_label("Type the request number").fill(asked.reference.removeprefix("BR-"))
    page.get_by_role("button", name="Send decision").click()
    page.get_by_role("heading", name=f"You have approved {asked.reference}").wait_for()
    assert serious(page) == []
    keep_picture(page, "link-done-phone")
    page.goto(page.url)
    page.get_by_text("Approved by you").wait_for()
    keep_picture(page, "link-over-phone")


def test_mistake_is_told_at_its_field_and_the_choice_is_kept(opened: Opener) -> None:
    page = opened(dark=True)
    page.get_by_label("Reject", exact=True).check()
    page.get_by_label("Type the request number").fill("1")
    page.get_by_role("button", name="Send decision").click()
    page.get_by_text("Enter the number at the top of the page").wait_for()
    number = page.locator("#id_typed")
    assert number.get_attribute("aria-describedby") == "typed-help typed-error"
    assert page.evaluate("document.activeElement.id") == "id_typed"
    assert (number.input_value(), page.get_by_label("Reject", exact=True).is_checked()) == ("", True)

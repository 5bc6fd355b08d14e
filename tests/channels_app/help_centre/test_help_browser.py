"""The help centre in a real browser: search, article, vote and chat, in both themes, on a phone and without scripts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.channels_app.help_centre.conftest import Centre, open_centre
from tests.channels_app.web_chat.test_browser import web  # noqa: F401
from tests.edge.browser import keep_picture, serious
from tests.edge.web_server import Web
from tests.world import World

pytestmark = [pytest.mark.browser, pytest.mark.slow]
LONG = """
We deliver to all countries of the European Union, Norway and Switzerland.

## How long it takes
Parcels take **two to four working days**. You get an email as soon as yours leaves our warehouse.

- Standard: free from 50 EUR
- Express: the next working day if you order before noon

## What it costs
| Country | Standard | Express | Free from | Carrier |
|---|---|---|---|---|
| Germany | 4.90 EUR | 12.00 EUR | 50 EUR | DHL |
| Switzerland | 9.90 EUR | 24.00 EUR | 120 EUR | Swiss Post |

## When nobody is at home
> Your parcel waits for seven days in the nearest shop.

1. Take the card from your letterbox.
2. Show it with your identity card. See [opening hours](https://shop.example/hours).
"""


@pytest.fixture
def centre(committed_world: World) -> Centre:
    made = open_centre(committed_world)
    made.write("Delivery times and costs", LONG)
    for title in ("Change or cancel an order", "Track your parcel", "Pay by invoice", "Gift cards", "Damaged pairs",
                  "Find your size", "Students' discount"):  # fmt: skip
        made.write(title, f"{title}: sign in to your account, open the order and follow the steps.")
    return made


@pytest.fixture
def opened(chromium: Browser, web: Web, centre: Centre) -> Iterator[Callable[..., Page]]:  # noqa: F811
    """Open the first page; whatever the content policy refuses fails the test."""
    contexts, problems = [], []

    def open_page(width: int = 1440, *, dark: bool = False, scripts: bool = True) -> Page:
        looks: Any = {"viewport": {"width": width, "height": 900}, "color_scheme": "dark" if dark else "light"}
        context = chromium.new_context(**looks, java_script_enabled=scripts, reduced_motion="reduce")
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("console", lambda said: problems.append(said.text) if "Security" in said.text else None)
        page.goto(f"{web.url}{centre.path}")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert problems == []


@pytest.mark.parametrize(("width", "dark"), [(1440, False), (1280, True), (390, False), (390, True)])
def test_visitor_searches_reads_and_votes_in_every_look(opened: Callable[..., Page], width: int, dark: bool) -> None:
    page, look = opened(width, dark=dark), f"{width}-{'dark' if dark else 'light'}"

    def check(name: str) -> None:
        keep_picture(page, f"help-{name}-{look}")
        assert serious(page, least="moderate") == [], name
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), name

    expect(page.get_by_role("button", name="Chat")).to_be_visible()
    check("home")
    page.get_by_label("Search the help centre").fill("how long does delivery take")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Results for")
    check("results")
    page.get_by_role("link", name="Delivery times and costs").click()
    expect(page.get_by_role("heading", level=1, name="Delivery times and costs")).to_be_visible()
    check("article")
    page.get_by_role("button", name="No", exact=True).click()
    expect(page.get_by_text("Thank you for your feedback")).to_be_visible()
    check("thanks")
    page.get_by_label("Search the help centre").fill("zeppelin")
    page.get_by_role("button", name="Search").click()
    expect(page.get_by_role("link", name="Ask us in the chat")).to_be_visible()
    check("nothing")


def test_visitor_without_scripts_finds_and_rates_an_article(opened: Callable[..., Page]) -> None:
    page = opened(scripts=False)
    page.get_by_label("Search the help centre").fill("return shoes")
    page.get_by_role("button", name="Search").click()
    page.get_by_role("link", name="Returning shoes").click()
    page.get_by_role("button", name="Yes").click()
    expect(page.get_by_text("Thank you for your feedback")).to_be_visible()
    page.go_back()
    page.go_back()
    expect(page.get_by_role("link", name="Returning shoes")).to_be_visible()
    assert len(page.content()) < 40_000

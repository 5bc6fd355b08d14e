"""The mail as its readers see it: light, dark, on a phone, and as plain text."""

import re
from pathlib import Path
from typing import Any

import pytest

from analytics.brief.render import Rendered
from analytics.services import preview_brief
from analytics.services.briefs import render_for
from tests.analytics.conftest import Morning
from tests.edge.browser import keep_picture, serious

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
PHONE, DESK = 390, 760


@pytest.fixture
def mail(morning: Morning) -> Rendered:
    """The approver's mail of the morning, in German: the longest words."""
    morning.wants(language="de")
    content = preview_brief(viewer=morning.actor("approver")).content
    return render_for(morning.world.people["approver"], content, unsubscribe="https://walker.example/u/")


@pytest.fixture
def opened(chromium: Any, mail: Rendered, tmp_path: Path) -> Any:
    """Open the mail in a window of that width."""
    (tmp_path / "mail.html").write_text(mail.html)
    pages = []

    def open_mail(width: int, scheme: str) -> Any:
        page = chromium.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
        pages.append(page)
        page.goto(f"file://{tmp_path}/mail.html")
        keep_picture(page, f"brief-{scheme}-{width}")
        return page

    yield open_mail
    for page in pages:
        page.close()


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [DESK, PHONE])
def test_mail_is_readable_and_fits(opened: Any, width: int, scheme: str) -> None:
    page = opened(width, scheme)
    assert serious(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.browser
def test_dark_clients_get_a_dark_mail(opened: Any) -> None:
    grounds = [
        opened(DESK, scheme).evaluate("getComputedStyle(document.body).backgroundColor") for scheme in ("light", "dark")
    ]
    assert grounds == ["rgb(244, 244, 239)", "rgb(16, 19, 21)"]


def test_mail_needs_no_pictures_no_scripts_and_nothing_from_elsewhere(mail: Rendered) -> None:
    assert re.findall(r"<(?:img|script|link|svg|iframe)\b|url\(|@import", mail.html) == []


def test_every_button_leads_to_the_console(mail: Rendered, settings: Any) -> None:
    links = [link for link in re.findall(r'href="([^"]+)"', mail.html) if "/u/" not in link]
    assert len(links) > 8
    assert [link for link in links if not link.startswith(f"{settings.PUBLIC_URL}/admin/")] == []


def test_styles_stand_on_the_elements(mail: Rendered) -> None:
    bare = re.findall(r"<(?:h1|h2|p)\b(?![^>]*style=)[^>]*>", mail.html)
    assert bare == []


def test_mail_stays_below_what_clients_cut_off(mail: Rendered) -> None:
    assert len(mail.html.encode()) < 102_000


def test_plain_text_says_the_same_with_bars(mail: Rendered) -> None:
    assert [
        word for word in ("Summer Sale", "Was ich tun würde", "█", "https://walker.example/u/") if word not in mail.text
    ] == []
    assert "<" not in mail.text.replace("<http", "")

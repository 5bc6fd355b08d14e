"""Pages of errors look like the product; the one of our own mistakes does so without files, database and context."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.exceptions import BadRequest, PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.test import Client
from django.urls import path
from playwright.sync_api import Browser, Page
from pytest_django.live_server_helper import LiveServer

from config.urls import urlpatterns as routes
from tests.console.test_browser import DESK, PHONE
from tests.edge.browser import keep_picture, serious

pytestmark = pytest.mark.slow

handler500 = "config.pages.server_error"
PROBLEMS = {"400": BadRequest, "403": PermissionDenied, "404": Http404, "500": RuntimeError}


def broken(request: HttpRequest, status: str) -> HttpResponse:
    """Fail as asked."""
    raise PROBLEMS[status]


urlpatterns = [path("broken/<str:status>/", broken), *routes]


@pytest.fixture(autouse=True)
def _broken_views(settings: Any) -> None:
    settings.ROOT_URLCONF = __name__


def test_page_of_our_mistakes_asks_for_nothing(db: None) -> None:
    page = Client(raise_request_exception=False).get("/broken/500/").content.decode()
    assert page.count("href=") == 1
    assert not any(word in page for word in ("src=", "url(", "@import", "{{", "{%"))


def test_page_of_our_mistakes_is_allowed_its_own_styles_only(db: None) -> None:
    browser = Client(raise_request_exception=False)
    policy = browser.get("/broken/500/").headers["Content-Security-Policy"]
    assert ("'sha256-" in policy, "unsafe" in policy) == (True, False)
    assert "sha256-" not in browser.get("/broken/404/").headers["Content-Security-Policy"]


@pytest.fixture(params=["light", "dark", "phone"])
def page(request: pytest.FixtureRequest, chromium: Browser, live_server: LiveServer) -> Iterator[Page]:
    """A page of that look."""
    size = PHONE if request.param == "phone" else DESK
    scheme = "dark" if request.param == "dark" else "light"
    context = chromium.new_context(viewport=size, color_scheme=scheme, base_url=live_server.url)  # type: ignore[arg-type]
    yield context.new_page()
    context.close()


@pytest.mark.browser
def test_page_of_our_mistakes_has_its_styles_in_a_browser(page: Page, request: pytest.FixtureRequest) -> None:
    page.goto("/broken/500/")
    look = page.evaluate("getComputedStyle(document.querySelector('a')).minHeight")
    keep_picture(page, request.node.name)
    assert (look, serious(page, least="minor")) == ("46px", [])
